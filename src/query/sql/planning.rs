//! What plans are made with: functions by name, and of DataFusion's rules all, or the few that find something to do.
//!
//! Most statements are a chain: columns, conditions, an order and a limit over one table. Of some thirty rules over a logical
//! plan eight know those words, and of as many over a physical plan all but one ask how threads share rows or who needs them
//! in order, which is no question where one thread makes a few. The others cost what they cost whatever they find: they walk
//! the plan, and each is followed by checks that walk it again.
//!
//! The states that statements copy know no functions, of which there are hundreds: a plan holds those that it calls.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::execution::{FunctionRegistry, TaskContext};
use datafusion::functions_aggregate::first_last::first_value_udaf;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::OptimizerRule;
use datafusion::optimizer::common_subexpr_eliminate::CommonSubexprEliminate;
use datafusion::optimizer::eliminate_filter::EliminateFilter;
use datafusion::optimizer::eliminate_limit::EliminateLimit;
use datafusion::optimizer::optimize_projections::OptimizeProjections;
use datafusion::optimizer::push_down_filter::PushDownFilter;
use datafusion::optimizer::push_down_limit::PushDownLimit;
use datafusion::optimizer::simplify_expressions::SimplifyExpressions;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::ensure_coop::EnsureCooperative;
use datafusion::physical_optimizer::optimizer::{
    ConfigOnlyContext, PhysicalOptimizer, PhysicalOptimizerContext,
};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use datafusion::prelude::SessionConfig;

use super::catalog::CATALOG;
use super::direct;
use super::functions;
use super::nearest::{NearestRule, has_subquery};
use super::singles::SinglesRewrite;

/// The states that plans are made with.
pub(super) struct Planning {
    /// Functions by name, for who reads a statement.
    pub(super) names: SessionState,
    /// All rules.
    all: SessionState,
    /// The rules that a chain needs.
    chain: SessionState,
}

impl Planning {
    /// Puts functions, rules and limits together.
    pub(super) fn new(threads: usize, memory_bytes: usize) -> Result<Self> {
        let config = SessionConfig::new()
            .with_target_partitions(threads)
            .with_information_schema(true)
            .with_default_catalog_and_schema(CATALOG, "space_0");
        let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
        let limits = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(GreedyMemoryPool::new(memory_bytes)))
            .with_disk_manager_builder(disk)
            .build_arc()?;
        let mut names = SessionStateBuilder::new()
            .with_config(config.clone())
            .with_runtime_env(Arc::clone(&limits))
            .with_default_features();
        let scalars = names.scalar_functions().get_or_insert_default();
        scalars.extend(functions::scalar());
        let aggregates = names.aggregate_functions().get_or_insert_default();
        aggregates.extend(functions::aggregate());
        let all = running(&config, &limits).with_optimizer_rule(Arc::new(NearestRule));
        let chain = running(&config, &limits)
            .with_optimizer_rules(chain_rules())
            .with_physical_optimizer_rules(vec![Arc::new(PhysicalRules::default())]);
        Ok(Self {
            names: names.build(),
            all: with_rewrites(all)?,
            chain: with_rewrites(chain)?,
        })
    }

    /// What to make the plan of a statement with, at one moment.
    pub(super) fn maker(&self, plan: &LogicalPlan, now: DateTime<Utc>) -> Result<Maker> {
        Ok(match is_chain(plan)? {
            true => Maker::new(&self.chain, true, now),
            false => Maker::new(&self.all, false, now),
        })
    }
}

/// Makes the plans of one statement.
pub(super) struct Maker {
    state: SessionState,
    is_chain: bool,
}

impl Maker {
    fn new(state: &SessionState, is_chain: bool, now: DateTime<Utc>) -> Self {
        let mut state = state.clone();
        state.execution_props_mut().query_execution_start_time = Some(now);
        Self { state, is_chain }
    }

    /// How a plan is executed.
    pub(super) async fn physical(&self, plan: &LogicalPlan) -> Result<Arc<dyn ExecutionPlan>> {
        let direct = match self.is_chain {
            true => direct::plan(plan, &self.state)?,
            false => None,
        };
        match direct {
            Some(plan) => {
                let planner = self.state.query_planner();
                planner.create_physical_plan(&plan, &self.state).await
            }
            None => self.state.create_physical_plan(plan).await,
        }
    }

    /// What the execution is part of.
    pub(super) fn task(&self) -> Arc<TaskContext> {
        self.state.task_ctx()
    }
}

/// A state that statements copy.
fn running(config: &SessionConfig, limits: &Arc<RuntimeEnv>) -> SessionStateBuilder {
    SessionStateBuilder::new()
        .with_config(config.clone())
        .with_runtime_env(Arc::clone(limits))
        // The one function that a rule asks for by name: DISTINCT ON is made of it.
        .with_aggregate_functions(vec![first_value_udaf()])
}

fn with_rewrites(builder: SessionStateBuilder) -> Result<SessionState> {
    let mut state = builder.build();
    state.register_function_rewrite(Arc::new(SinglesRewrite))?;
    Ok(state)
}

/// Whether a plan is columns, conditions, orders and limits over one table, one over the other.
fn is_chain(plan: &LogicalPlan) -> Result<bool> {
    let mut plan = match plan {
        LogicalPlan::Explain(explain) => &explain.plan,
        LogicalPlan::Analyze(analyze) => &analyze.input,
        LogicalPlan::Dml(dml) => &dml.input,
        plan => plan,
    };
    loop {
        let mut is_plain = true;
        plan.apply_expressions(|expr| {
            is_plain &= !has_subquery(expr);
            Ok(TreeNodeRecursion::Continue)
        })?;
        plan = match plan {
            _ if !is_plain => return Ok(false),
            LogicalPlan::Projection(projection) => &projection.input,
            LogicalPlan::Filter(filter) => &filter.input,
            LogicalPlan::Sort(sort) => &sort.input,
            LogicalPlan::Limit(limit) => &limit.input,
            LogicalPlan::SubqueryAlias(alias) => &alias.input,
            LogicalPlan::TableScan(_) | LogicalPlan::Values(_) | LogicalPlan::EmptyRelation(_) => {
                return Ok(true);
            }
            _ => return Ok(false),
        };
    }
}

/// The rules over a logical plan that a chain needs, in an order in which each finds what those before it leave.
fn chain_rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    vec![
        Arc::new(SimplifyExpressions::new()),
        Arc::new(EliminateFilter::new()),
        Arc::new(EliminateLimit::new()),
        Arc::new(PushDownFilter::new()),
        Arc::new(PushDownLimit::new()),
        Arc::new(CommonSubexprEliminate::new()),
        Arc::new(OptimizeProjections::new()),
        Arc::new(NearestRule),
    ]
}

/// DataFusion's rules over a physical plan: all, or for few rows of one thread the one that lets it be ended.
#[derive(Debug)]
struct PhysicalRules {
    all: PhysicalOptimizer,
    few: PhysicalOptimizer,
}

impl Default for PhysicalRules {
    fn default() -> Self {
        Self {
            all: PhysicalOptimizer::new(),
            few: PhysicalOptimizer::with_rules(vec![Arc::new(EnsureCooperative::new())]),
        }
    }
}

impl PhysicalOptimizerRule for PhysicalRules {
    fn name(&self) -> &str {
        "physical_rules"
    }

    fn schema_check(&self) -> bool {
        true
    }

    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.optimize_with_context(plan, &ConfigOnlyContext::new(config))
    }

    fn optimize_with_context(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        context: &dyn PhysicalOptimizerContext,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let few = context.config_options().execution.batch_size;
        let rules = match makes_few(plan.as_ref(), few)? {
            true => &self.few.rules,
            false => &self.all.rules,
        };
        let apply = |plan, rule: &Arc<dyn PhysicalOptimizerRule + Send + Sync>| {
            rule.optimize_with_context(plan, context)
        };
        rules.iter().try_fold(plan, apply)
    }
}

/// Whether a plan of a chain makes its rows on one thread, from about as many as one batch holds at most.
fn makes_few(plan: &dyn ExecutionPlan, few: usize) -> Result<bool> {
    if plan.output_partitioning().partition_count() != 1 {
        return Ok(false);
    }
    match &plan.children()[..] {
        [] => {
            let rows = plan.partition_statistics(None)?.num_rows;
            Ok(rows.get_value().is_some_and(|rows| *rows <= few))
        }
        [input] => makes_few(input.as_ref(), few),
        _ => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::SchemaRef;
    use arrow::util::display::{ArrayFormatter, FormatOptions};
    use datafusion::physical_plan::{collect, displayable};
    use ladybug_engine::engine::{Engine, EngineOptions, SystemClock};
    use ladybug_engine::storage::SimulatedStorage;

    use super::super::handle::{Sql, SqlOptions};
    use super::super::parse::parse;
    use super::super::session::planned;
    use super::*;

    /// Nodes whose fingerprints tie often, of two kinds and several rungs, and edges.
    const GROWN: [&str; 2] = [
        "INSERT INTO nodes (name, fingerprint, kinds, rung, confidence, properties)
         SELECT 'n' || value, encode_exact('family ' || value % 7), make_array('K' || value % 2), CAST(value % 5 AS TINYINT),
                0.5 + (value % 4) / 10.0, '{\"at\":' || value || '}'
         FROM unnest(range(0, 400)) AS t(value)",
        "INSERT INTO edges (source, verb, target) SELECT a.id, 'CAUSES', b.id FROM nodes a JOIN nodes b
         ON CAST(substr(a.name, 2) AS INT) + 1 = CAST(substr(b.name, 2) AS INT)",
    ];

    struct Database(Sql);

    impl Database {
        fn grown() -> Self {
            let storage = Arc::new(SimulatedStorage::new(7));
            let engine = Engine::open(storage, Arc::new(SystemClock), EngineOptions::default());
            let engine = Arc::new(engine.expect("an engine"));
            let sql = Sql::new(engine, SqlOptions::default()).expect("SQL");
            for statement in GROWN {
                let mut session = sql.session(0);
                let executed = sql.block_on(session.execute(statement, Vec::new()));
                executed.unwrap_or_else(|error| panic!("{statement}: {error}"));
            }
            Self(sql)
        }

        fn planning(&self) -> &Planning {
            &self.0.shared().planning
        }

        fn plan(&self, text: &str) -> LogicalPlan {
            let statement = self.0.session(0).statement(Some(Vec::new()));
            let syntax = parse(text).expect("SQL");
            planned(&statement, syntax).unwrap_or_else(|error| panic!("{text}: {error}"))
        }

        /// What makes a plan: in one pass where that can be, or with the rules of a chain, or with all.
        fn makers(&self) -> [Maker; 3] {
            let maker = |state, is_chain| Maker::new(state, is_chain, Utc::now());
            let Planning { all, chain, .. } = self.planning();
            [maker(chain, true), maker(chain, false), maker(all, false)]
        }

        /// What a plan answers: its columns, its rows, and how it is executed.
        fn answer(&self, text: &str, maker: &Maker) -> (SchemaRef, Vec<String>, String) {
            let answered: Result<_> = self.0.block_on(async {
                let plan = maker.physical(&self.plan(text)).await?;
                let shown = displayable(plan.as_ref()).indent(false).to_string();
                let schema = plan.schema();
                let batches = collect(plan, maker.task()).await?;
                let options = FormatOptions::default();
                let mut rows = Vec::new();
                for batch in batches {
                    assert_eq!(batch.schema(), schema, "{text}");
                    let columns = batch.columns().iter();
                    let columns = columns.map(|column| ArrayFormatter::try_new(column, &options));
                    let columns = columns.collect::<std::result::Result<Vec<_>, _>>()?;
                    let row = |row| {
                        let cells = columns.iter().map(|column| column.value(row).to_string());
                        cells.collect::<Vec<_>>().join("|")
                    };
                    rows.extend((0..batch.num_rows()).map(row));
                }
                Ok((schema, rows, shown))
            });
            answered.unwrap_or_else(|error| panic!("{text}: {error}"))
        }
    }

    #[test]
    fn a_chain_answers_with_its_rules_what_it_does_with_all() {
        let database = Database::grown();
        let [direct, chain, all] = database.makers();
        let x = format!("fingerprint('{}')", "5a".repeat(1280));
        for text in [
            "SELECT name FROM nodes ORDER BY hamming(fingerprint, X) LIMIT 10",
            "SELECT name FROM nodes ORDER BY hamming(X, fingerprint), address LIMIT 10 OFFSET 3",
            "SELECT name, hamming(fingerprint, X) FROM nodes ORDER BY 2, address LIMIT 10",
            "SELECT name, hamming(fingerprint, X) AS d FROM nodes ORDER BY d, address LIMIT 10",
            "SELECT similarity(fingerprint, X) AS near, * FROM nodes ORDER BY near DESC, address LIMIT 10",
            "SELECT n.name AS of FROM nodes n WHERE zone = 'node' ORDER BY hamming(fingerprint, X), address LIMIT 10",
            "SELECT name FROM nodes WHERE rung <= 2 ORDER BY hamming(fingerprint, X), address LIMIT 10",
            "SELECT name FROM nodes WHERE array_has(kinds, 'K1') ORDER BY hamming(fingerprint, X), address LIMIT 10",
            "SELECT name FROM nodes WHERE name LIKE 'n1%' ORDER BY hamming(fingerprint, X), address LIMIT 10",
            "SELECT name FROM nodes WHERE rung < 3 AND confidence > 0.6 ORDER BY hamming(fingerprint, X), address LIMIT 10",
            "SELECT name FROM nodes WHERE hamming(fingerprint, X) < 8200 ORDER BY hamming(fingerprint, X), name LIMIT 10",
            "SELECT upper(name), length(name) + 1 FROM nodes ORDER BY hamming(fingerprint, X), address LIMIT 10",
            "SELECT name FROM nodes VERSION AS OF 1 ORDER BY hamming(fingerprint, X), address LIMIT 10",
            "SELECT name FROM nodes ORDER BY hamming(fingerprint, X) DESC, address LIMIT 10",
            "SELECT * FROM (SELECT name, rung FROM nodes ORDER BY name LIMIT 20) WHERE rung = 3 ORDER BY name",
            "SELECT * FROM (SELECT name, rung + 1 AS r FROM nodes) AS t WHERE r < 3 AND r > 1 ORDER BY name LIMIT 7",
            "SELECT * FROM (SELECT CAST(rung AS INT) AS r, name FROM nodes) WHERE r < 3 ORDER BY name DESC OFFSET 5",
            "SELECT name, name AS again, 5 AS five FROM nodes WHERE name IN ('n7', 'n9', 'nobody') ORDER BY name",
            "SELECT name FROM nodes WHERE name = 'n7'",
            "SELECT name FROM nodes WHERE confidence = 0.9 AND name = 'n7' OR name = 'n3' ORDER BY name",
            "SELECT hamming(fingerprint, X) + 1, hamming(fingerprint, X) * 2 FROM nodes ORDER BY 1, 2, name",
            "SELECT name FROM nodes WHERE false",
            "SELECT name FROM nodes WHERE NULL ORDER BY name LIMIT 3",
            "SELECT name FROM nodes ORDER BY name LIMIT 0",
            "SELECT CASE WHEN rung > 2 THEN name END AS c FROM nodes ORDER BY name, name LIMIT 1 + 1",
            "SELECT field(properties, 'at') FROM nodes WHERE field(properties, 'at') LIKE '1%' ORDER BY name",
            "SELECT verb, frequency FROM edges WHERE verb = 'CAUSES' ORDER BY source LIMIT 5",
            "SELECT name FROM resonate('x', 5)",
            "SELECT * FROM tree('n1') ORDER BY name",
            "SELECT name FROM concepts ORDER BY name LIMIT 3",
            "SELECT column1 + 1 FROM (VALUES (1), (2)) ORDER BY 1 DESC",
            "SELECT 1 + 1, upper('a'), now() > '2020-01-01'",
        ] {
            let text = text.replace('X', &x);
            assert!(is_chain(&database.plan(&text)).expect("a plan"), "{text}");
            let (all_columns, all_rows, _) = database.answer(&text, &all);
            for maker in [&direct, &chain] {
                let (columns, rows, plan) = database.answer(&text, maker);
                assert_eq!(columns, all_columns, "{text}: {plan}");
                assert_eq!(rows, all_rows, "{text}: {plan}");
            }
        }
    }

    #[test]
    fn a_chain_has_what_its_rules_are_for() {
        let database = Database::grown();
        let [direct, chain, _] = database.makers();
        for (text, shown, not_shown) in [
            (
                "SELECT name FROM nodes WHERE rung < 3 AND confidence > 0.6 LIMIT 5",
                "columns=[name, confidence], rung<=2",
                "Repartition",
            ),
            (
                "SELECT name FROM nodes WHERE name = 'n7'",
                "name=[\"n7\"]",
                "Filter",
            ),
            (
                "SELECT name FROM nodes WHERE rung < 3 LIMIT 5",
                "rung<=2, limit=5",
                "Filter",
            ),
            (
                "SELECT name FROM nodes WHERE 1 = 0",
                "EmptyExec",
                "NodesScan",
            ),
            (
                "SELECT name FROM nodes ORDER BY hamming(fingerprint, encode('x')) LIMIT 5",
                "NearestScan",
                "Sort",
            ),
        ] {
            for maker in [&direct, &chain] {
                let (.., plan) = database.answer(text, maker);
                assert!(plan.contains(shown), "{text}: {plan}");
                assert!(!plan.contains(not_shown), "{text}: {plan}");
            }
        }
    }

    #[test]
    fn the_plainest_queries_need_no_rules() {
        let database = Database::grown();
        let state = &database.planning().chain;
        let plan = |text: &str| {
            let plan = direct::plan(&database.plan(text), state);
            plan.unwrap_or_else(|error| panic!("{text}: {error}"))
        };
        for (text, expected) in [
            (
                "SELECT name FROM nodes ORDER BY hamming(fingerprint, encode('x')) LIMIT 5",
                "Limit: skip=0, fetch=5\n  TableScan: nodes projection=[name]",
            ),
            (
                "SELECT rung, name FROM nodes WHERE zone = 'node' AND rung < 3 ORDER BY similarity(encode('x'), fingerprint) DESC LIMIT 5",
                "Limit: skip=0, fetch=5\n  Projection: nodes.rung, nodes.name\n    TableScan: nodes projection=[name, rung], full_filters=[nodes.zone = Dictionary(UInt8, Utf8(\"node\")), nodes.rung < UInt8(3)]",
            ),
            (
                "SELECT name FROM nodes WHERE name = 'n7'",
                "TableScan: nodes projection=[name], full_filters=[nodes.name = Utf8(\"n7\")]",
            ),
            (
                "SELECT n.id FROM nodes n ORDER BY rung LIMIT 5 OFFSET 2",
                "Limit: skip=2, fetch=5\n  Projection: n.id\n    Sort: n.rung ASC NULLS LAST, fetch=7\n      SubqueryAlias: n\n        TableScan: nodes projection=[id, rung]",
            ),
        ] {
            let plan = plan(text).expect(text);
            assert_eq!(plan.display_indent().to_string(), expected, "{text}");
        }
        let distance = plan(
            "SELECT name, hamming(fingerprint, encode('x')) AS d FROM nodes ORDER BY d LIMIT 5",
        );
        let distance = distance.expect("a plan").display_indent().to_string();
        assert!(!distance.contains("Sort"), "{distance}");
        for text in [
            "SELECT hamming(fingerprint, encode('x')) FROM nodes",
            "SELECT name FROM nodes WHERE confidence > 0.6",
            "SELECT * FROM (SELECT name, rung FROM nodes ORDER BY name LIMIT 20) WHERE rung = 3",
            "SELECT verb FROM edges",
            "SELECT 1 FROM nodes",
        ] {
            assert!(plan(text).is_none(), "{text}");
        }
    }

    #[test]
    fn what_is_no_chain_has_all_rules() {
        let database = Database::grown();
        for text in [
            "SELECT count(*) FROM nodes",
            "SELECT DISTINCT rung FROM nodes",
            "SELECT DISTINCT ON (rung) rung, name FROM nodes ORDER BY rung, name",
            "SELECT a.name FROM nodes a JOIN nodes b ON a.id = b.id",
            "SELECT name FROM nodes UNION ALL SELECT name FROM nodes",
            "SELECT unnest(kinds) FROM nodes",
            "SELECT row_number() OVER (ORDER BY name) FROM nodes",
            "SELECT name, (SELECT 1) FROM nodes",
            "SELECT name FROM nodes WHERE id IN (SELECT source FROM edges)",
            "SELECT name FROM nodes WHERE EXISTS (SELECT 1)",
            "SELECT name FROM nodes WHERE rung > ANY (SELECT 1)",
            "SELECT name FROM (SELECT name, id FROM nodes WHERE id = (SELECT 1)) ORDER BY id",
        ] {
            assert!(!is_chain(&database.plan(text)).expect("a plan"), "{text}");
        }
    }

    #[test]
    fn few_rows_are_made_on_one_thread() {
        let database = Database::grown();
        let text = "SELECT upper(name) FROM nodes WHERE length(name) > 2 ORDER BY name LIMIT 5";
        let (_, _, few) = database.answer(text, &database.makers()[0]);
        assert!(!few.contains("Repartition"), "{few}");
        assert!(few.contains("Cooperative"), "{few}");
        let more = "INSERT INTO nodes (name) SELECT 'more ' || value FROM unnest(range(0, 20000)) AS t(value)";
        let mut session = database.0.session(0);
        let executed = database.0.block_on(session.execute(more, Vec::new()));
        assert!(executed.is_ok());
        let (_, _, many) = database.answer(text, &database.makers()[0]);
        assert!(many.contains("SortPreservingMerge"), "{many}");
    }
}
