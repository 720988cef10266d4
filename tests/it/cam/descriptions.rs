//! What users would say when they look for a method, and the method that they mean: written before the search was tuned.

pub const DESCRIPTIONS: [(&str, &str); 100] = [
    // LANCE
    ("list everything that is stored", "LANCE.SCAN"),
    ("how many rows are there", "LANCE.COUNT"),
    (
        "find the ten most similar things to this text",
        "LANCE.TOPK",
    ),
    (
        "everything within a hamming distance of 2000",
        "LANCE.RANGE",
    ),
    ("search by meaning and by keywords together", "LANCE.HYBRID"),
    (
        "nearest rows, but only among those that meet a condition",
        "LANCE.FILTER",
    ),
    (
        "which pairs of rows are near duplicates of each other",
        "LANCE.PAIRS",
    ),
    ("group similar rows into k clusters", "LANCE.CLUSTER"),
    ("give me a few random rows", "LANCE.SAMPLE"),
    ("overwrite a record or create it if missing", "LANCE.UPSERT"),
    ("which saved snapshots exist", "LANCE.VERSIONS"),
    // SQL
    ("run a select statement", "SQL.QUERY"),
    ("insert update or delete with sql", "SQL.EXECUTE"),
    ("show the execution plan of a sql query", "SQL.EXPLAIN"),
    ("order rows by a column", "SQL.SORT"),
    ("aggregate with group by", "SQL.GROUP"),
    ("rows that have no edge of this verb", "SQL.ANTIJOIN"),
    ("rows that satisfy both of two predicates", "SQL.INTERSECT"),
    ("which tables and columns are there", "SQL.SCHEMA"),
    // CYPHER
    ("run an openCypher statement", "CYPHER.QUERY"),
    ("shortest path between two nodes", "CYPHER.PATH"),
    ("which nodes are most important by links", "CYPHER.PAGERANK"),
    ("how many edges does each node have", "CYPHER.DEGREE"),
    ("weakly connected parts of the graph", "CYPHER.COMPONENTS"),
    (
        "find communities by label propagation",
        "CYPHER.COMMUNITIES",
    ),
    ("count triangles of the graph", "CYPHER.TRIANGLES"),
    (
        "delete a node together with its relationships",
        "CYPHER.DELETE",
    ),
    // GRAPHQL
    ("execute a graphql query document", "GRAPHQL.QUERY"),
    ("print the schema definition language", "GRAPHQL.SCHEMA"),
    (
        "check a graphql document for errors without running it",
        "GRAPHQL.VALIDATE",
    ),
    ("which fields does a type have", "GRAPHQL.FIELDS"),
    ("parents of a node up to the root", "GRAPHQL.ANCESTORS"),
    ("how many nodes of each kind", "GRAPHQL.COUNTS"),
    // NARS
    ("store a belief with a truth value", "NARS.JUDGE"),
    (
        "is a robin an animal? answer from what is known",
        "NARS.ASK",
    ),
    (
        "combine two independent pieces of evidence for the same statement",
        "NARS.REVISE",
    ),
    (
        "if a implies b and b implies c conclude a implies c",
        "NARS.DEDUCE",
    ),
    ("guess the explanation from an effect", "NARS.ABDUCE"),
    ("generalize from an example to a rule", "NARS.INDUCE"),
    ("the opposite of a statement", "NARS.NEGATE"),
    (
        "turn an implication around with negated ends",
        "NARS.CONTRAPOSE",
    ),
    ("which of two beliefs should I trust", "NARS.CHOOSE"),
    // CAUSAL
    ("record an observation of variables", "CAUSAL.OBSERVE"),
    ("conditional probability of y given x", "CAUSAL.SEE"),
    ("what happens if I intervene and set x", "CAUSAL.DO"),
    (
        "what would have happened otherwise, a counterfactual",
        "CAUSAL.IMAGINE",
    ),
    (
        "which variables must I adjust for, the back-door sets",
        "CAUSAL.ADJUST",
    ),
    (
        "common causes that confound two variables",
        "CAUSAL.CONFOUNDERS",
    ),
    ("average treatment effect", "CAUSAL.ATE"),
    ("are two variables d-separated", "CAUSAL.DSEP"),
    (
        "probability that the cause was necessary for the effect",
        "CAUSAL.NECESSITY",
    ),
    // META
    (
        "show the arguments and documentation of a method",
        "META.DESCRIBE",
    ),
    ("search for a method by what it does", "META.FIND"),
    (
        "why do you believe this, where does it come from",
        "META.EXPLAIN",
    ),
    ("edges that contradict each other", "META.CONFLICTS"),
    ("what is the memory least sure about", "META.GAPS"),
    (
        "what was used most recently and most often",
        "META.ATTENTION",
    ),
    ("spread activation from some nodes", "META.FOCUS"),
    ("a plan of steps from here to a goal", "META.PLAN"),
    ("how much memory and history is used", "META.BUDGET"),
    // VERBS, CONCEPTS
    ("define a verb of my own", "VERBS.DEFINE"),
    // QUALIA
    ("what does this feel like", "QUALIA.FEEL"),
    ("which emotion is nearest", "QUALIA.EMOTION"),
    ("overall mood of the memory", "QUALIA.MOOD"),
    ("make a node feel joy", "QUALIA.EMBODY"),
    ("mix the feelings of two nodes", "QUALIA.BLEND"),
    ("let all feelings fade", "QUALIA.DECAY"),
    ("rows with positive valence", "QUALIA.VALENCE"),
    // MEMORY
    ("remember this sentence for an hour", "MEMORY.REMEMBER"),
    ("recall what is relevant now", "MEMORY.RECALL"),
    ("forget a memory", "MEMORY.FORGET"),
    (
        "how active is a memory, its base level",
        "MEMORY.ACTIVATION",
    ),
    ("make a temporary memory permanent", "MEMORY.CRYSTALLIZE"),
    (
        "give a memory an expiry of some seconds",
        "MEMORY.EVAPORATE",
    ),
    (
        "merge near-duplicate memories into one",
        "MEMORY.CONSOLIDATE",
    ),
    ("practise memories so that they stay", "MEMORY.REHEARSE"),
    // LEARNING
    (
        "strengthen the connection of two nodes that fire together",
        "LEARNING.HEBB",
    ),
    ("give a reward for an action in a state", "LEARNING.REWARD"),
    ("choose an arm by thompson sampling", "LEARNING.BANDIT"),
    (
        "train a classifier with an example of a class",
        "LEARNING.TRAIN",
    ),
    ("which class does this belong to", "LEARNING.CLASSIFY"),
    ("king is to man as queen is to what", "LEARNING.ANALOGY"),
    ("predict the next element of a sequence", "LEARNING.PREDICT"),
    (
        "take a bound product apart into its factors",
        "LEARNING.FACTOR",
    ),
    // VSA
    ("xor of fingerprints", "VSA.BIND"),
    ("majority of several vectors", "VSA.BUNDLE"),
    ("rotate the bits to mark a position", "VSA.PERMUTE"),
    ("how many bits are set", "VSA.POPCOUNT"),
    ("turn a float embedding into a fingerprint", "VSA.PROJECT"),
    ("fingerprint of a text with a chosen encoder", "VSA.ENCODE"),
    // TEMPORAL
    ("what did this node look like at version 5", "TEMPORAL.ASOF"),
    ("what changed since yesterday", "TEMPORAL.CHANGED"),
    ("who wrote each field and when", "TEMPORAL.BLAME"),
    ("undo everything back to a checkpoint", "TEMPORAL.ROLLBACK"),
    (
        "is one event before, after or overlapping another",
        "TEMPORAL.ALLEN",
    ),
    (
        "is this number rising or falling over time",
        "TEMPORAL.TREND",
    ),
    ("make a copy of the space for a what-if", "TEMPORAL.FORK"),
    // QUANTUM
    (
        "collapse to one of several states with probabilities",
        "QUANTUM.MEASURE",
    ),
    ("flip some bits at random as noise", "QUANTUM.DECOHERE"),
    ("run the inverse of an operator", "QUANTUM.ADJOINT"),
];
