"""The page of what was found."""

INTRODUCTION = """# Cypher, beside Kuzu, FalkorDB and NetworkX

Made by `benches/graph/run.sh`; do not edit. The graph is Debian's packages and what they depend on, as far as one space holds
them: {nodes:,} nodes, {edges:,} edges. All contenders answered every question the same before times were taken. Microseconds an
answer, medians of {rounds} rounds in turn; one client, which waits for each answer. Ladybug and FalkorDB are asked over a
socket, Kuzu and NetworkX in the process that asks.

{processor}.

"""


def page(found):
    names = [name for name, _, _ in found["contenders"]]
    text = INTRODUCTION.format(**found)
    for name, version, durability in found["contenders"]:
        text += f"- {name}: {version}; {durability}\n"
    text += "\n## Questions\n\n" + table(found["reads"], names)
    text += f"\n## {found['creates']:,} changes, one by one, each durable before the next where there is durability\n\n"
    return text + table(found["writes"], names)


def table(times, names):
    others = names[1:]
    text = "| | " + " | ".join(names) + " | ahead of the best other |\n|---|" + "--:|" * (len(names) + 1) + "\n"
    for title, by in times.items():
        best = min(by[name] for name in others)
        cells = " | ".join(f"{by[name] * 1e6:,.0f}" for name in names)
        text += f"| {title} | {cells} | {best / by[names[0]]:.2f} |\n"
    return text
