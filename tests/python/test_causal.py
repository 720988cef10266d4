"""Causal answers beside pgmpy: random models of binary variables, some of them hidden, whose exact distribution is observed
here and whose parameters pgmpy has. What is identified must be what pgmpy finds in the model that the intervention leaves."""

import itertools
import random

import networkx
import pytest
from pgmpy.factors.discrete import TabularCPD
from pgmpy.inference import CausalInference, VariableElimination
from pgmpy.models import DiscreteBayesianNetwork

MODELS = 12
VARIABLES = ["a", "b", "c", "d", "e"]


def random_model(seed):
    """A model in which causes come before effects, and each pair of variables may have a hidden cause."""
    choose = random.Random(seed)
    edges = [pair for pair in itertools.combinations(VARIABLES, 2) if choose.random() < 0.5]
    hidden = []
    for pair in itertools.combinations(VARIABLES, 2):
        if choose.random() < 0.12:
            hidden.append("u_" + "".join(pair))
            edges += [(hidden[-1], end) for end in pair]
    model = DiscreteBayesianNetwork(edges, latents=set(hidden))
    model.add_nodes_from(set(VARIABLES) - set(model.nodes()))
    for name in model.nodes():
        parents = sorted(model.get_parents(name))
        ones = [choose.uniform(0.1, 0.9) for _ in range(2 ** len(parents))]
        model.add_cpds(TabularCPD(name, 2, [[1 - p for p in ones], ones], evidence=parents or None,
                                  evidence_card=[2] * len(parents) or None))
    assert model.check_model()
    return model


def probability(model, values, given=None):
    """P(values | given) by pgmpy."""
    found = VariableElimination(model).query(list(values), evidence=given or None, show_progress=False)
    return float(found.get_value(**values))


def table(client, *request):
    """The rows of a method as dictionaries."""
    names, *rows = client.execute_command(*request)
    return [dict(zip(names, row)) for row in rows]


@pytest.fixture(params=range(MODELS))
def both(server, request):
    """A model in pgmpy, and a client of a space that has observed it."""
    model = random_model(request.param)
    joint = VariableElimination(model).query(VARIABLES, show_progress=False)
    with server.client(protocol=2) as client:
        client.flushdb()
        request = []
        for values in itertools.product([0, 1], repeat=len(VARIABLES)):
            row = dict(zip(VARIABLES, values))
            request += [",".join(f"{name}={value}" for name, value in row.items()), 1000 * float(joint.get_value(**row))]
        client.execute_command("CAM.CAUSAL.OBSERVE", *request)
        for name in model.latents:
            client.hset(name, "is", "hidden")
        for cause, effect in model.edges():
            client.execute_command("LINK", cause, "CAUSES", effect)
        yield model, client


def test_what_is_seen(both):
    model, client = both
    for x, y in itertools.permutations(VARIABLES, 2):
        seen = table(client, "CAM.CAUSAL.SEE", f"{y}=1", f"{x}=0")[0]
        assert float(seen["probability"]) == pytest.approx(probability(model, {y: 1}, {x: 0}), abs=1e-6)


def test_what_doing_would_change(both):
    model, client = both
    identified = 0
    for x, y in itertools.permutations(VARIABLES, 2):
        cut = model.do([x])
        try:
            done = table(client, "CAM.CAUSAL.DO", f"{y}=1", f"{x}=1")[0]
            effect = table(client, "CAM.CAUSAL.ATE", f"{x}=1", f"{x}=0", f"{y}=1")[0]
        except Exception as error:
            assert "form a hedge" in str(error)
            assert model.latents, "without hidden variables everything is identifiable"
            continue
        one, zero = (probability(cut, {y: 1}, {x: value}) for value in (1, 0))
        assert float(done["probability"]) == pytest.approx(one, abs=1e-6), (x, y, done)
        assert float(effect["effect"]) == pytest.approx(one - zero, abs=1e-6), (x, y, effect)
        identified += 1
    assert identified >= 10, "an effect backwards is always identifiable: there is none"


def test_separation(both):
    model, client = both
    for x, y in itertools.combinations(VARIABLES, 2):
        rest = [name for name in VARIABLES if name not in (x, y)]
        for size in range(len(rest) + 1):
            for given in itertools.combinations(rest, size):
                separated = client.execute_command("CAM.CAUSAL.DSEP", x, y, *given)
                expected = not model.is_dconnected(x, y, observed=list(given))
                assert separated in ((1, True) if expected else (0, False)), (x, y, given)


def test_back_door_sets(both):
    model, client = both
    peer = CausalInference(model)
    for x, y in itertools.combinations(VARIABLES, 2):
        rows = table(client, "CAM.CAUSAL.ADJUST", x, y)
        sets = [set(filter(None, row["variables"].split(", "))) for row in rows]
        for found in sets:
            assert peer.is_valid_backdoor_adjustment_set(x, y, found), (x, y, found)
        allowed = [name for name in VARIABLES if name not in (x, y) and name not in networkx.descendants(model, x)]
        for size in range(len(allowed) + 1):
            for some in map(set, itertools.combinations(allowed, size)):
                if peer.is_valid_backdoor_adjustment_set(x, y, some):
                    assert any(found <= some for found in sets), (x, y, some)
