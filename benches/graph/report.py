"""The page of what was found."""

INTRODUCTION = """# Cypher, beside Kuzu, FalkorDB and NetworkX

Made by `benches/graph/run.sh`; do not edit. The graph is Debian's packages and what they depend on, as far as one space holds
them: {nodes:,} nodes, {edges:,} edges. All contenders answered every question the same before times were taken. Microseconds an
answer, medians of {rounds} rounds in turn; one client, which waits for each answer. Ladybug and FalkorDB are asked over a
socket, Kuzu and NetworkX in the process that asks.

{processor}.

"""

INSIDE = """
NetworkX is no server and keeps nothing: its answers are calls of a function in the process that asks, with no statement to be
read and no message to be sent. The same client waits {ping:.0f} µs for Ladybug's reply to PING: what NetworkX answers in less, no
server can. So the last columns compare it with what Ladybug's replies say of their execution, behind the socket and the planning.
"""


def page(found):
    contenders = [name for name, _, _ in found["contenders"]]
    text = INTRODUCTION.format(**found)
    for name, version, durability in found["contenders"]:
        text += f"- {name}: {version}; {durability}\n"
    text += "\n## Questions\n\n" + table(found["reads"], contenders, found["inside"])
    if "networkx" in contenders:
        text += INSIDE.format(ping=found["ping"] * 1e6)
    text += f"\n## {found['creates']:,} changes, one by one, each durable before the next where there is durability\n\n"
    return text + table(found["writes"], contenders)


def table(times, contenders, inside=None):
    """Times by title and contender; with those inside of Ladybug, how far these are ahead of NetworkX."""
    databases = [name for name in contenders[1:] if name != "networkx"]
    heads, rows = [*contenders], [[title, *(microseconds(by[name]) for name in contenders)] for title, by in times.items()]
    if databases:
        heads.append("ahead of the best other database")
        for row, by in zip(rows, times.values()):
            row.append(f"{min(by[name] for name in databases) / by[contenders[0]]:.2f}")
    if inside and "networkx" in contenders:
        heads += ["inside of ladybug", "which is ahead of networkx"]
        for row, (title, by) in zip(rows, times.items()):
            row += [microseconds(inside[title]), f"{by['networkx'] / inside[title]:.2f}"]
    lines = [["", *heads], ["---", *("--:" for _ in heads)], *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def microseconds(seconds):
    return f"{seconds * 1e6:,.0f}" if seconds >= 1e-5 else f"{seconds * 1e6:.1f}"
