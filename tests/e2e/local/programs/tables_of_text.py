"""Tables: column widths, alignment by type, borders, wrapping and totals."""

import textwrap

rows = [
    {"product": "Espresso machine", "units": 3, "price": 249.0, "note": "two year warranty included"},
    {"product": "Cup", "units": 120, "price": 2.5, "note": ""},
    {"product": "Grinder", "units": None, "price": 89.95, "note": "out of stock until next month"},
]


def cell(value):
    if value is None:
        return "-"
    return f"{value:,.2f}" if isinstance(value, float) else str(value)


def table(rows, width=16):
    names = list(rows[0])
    wrapped = [[textwrap.wrap(cell(row[name]), width) or [""] for name in names] for row in rows]
    widths = [max(len(name), *(len(line) for row in wrapped for line in row[i])) for i, name in enumerate(names)]
    numeric = [all(isinstance(row[name], (int, float, type(None))) for row in rows) for name in names]
    rule = "+" + "+".join("-" * (w + 2) for w in widths) + "+"
    yield rule
    yield "|" + "|".join(f" {name.title():^{w}} " for name, w in zip(names, widths)) + "|"
    yield rule.replace("-", "=")
    for row in wrapped:
        for n in range(max(map(len, row))):
            parts = [lines[n] if n < len(lines) else "" for lines in row]
            yield (
                "|"
                + "|".join(f" {part:{'>' if right else '<'}{w}} " for part, w, right in zip(parts, widths, numeric))
                + "|"
            )
    yield rule


print("\n".join(table(rows)))
print(f"{'TOTAL':<20}{sum((r['units'] or 0) * r['price'] for r in rows):>12,.2f}")
print("| " + " | ".join(rows[0]) + " |", "|" + " --- |" * len(rows[0]), sep="\n")
for n in range(1, 6):
    print(*(f"{n * m:>4}" for m in range(1, 6)), sep="")
values = {"north": 12, "south": 30, "east": 7}
for name, value in values.items():
    bar = "█" * (value // 2) + ("▌" if value % 2 else "")
    print(f"{name:>6} │{bar:<16}│ {value / sum(values.values()):>6.1%}")
