"""A sales file: parsed, cleaned, grouped by month and region, and summed up."""

import csv
import io
import statistics
from collections import Counter, defaultdict
from datetime import date

DATA = """date,region,product,units,price
2024-01-05,north,widget,10,2.50
2024-01-17,south,gadget,3,10.00
2024-02-02,north,gadget,,10.00
2024-02-14,east,widget,25,2.40
2024-02-29,south,widget,7,2.50
2024-03-03,north,gizmo,1,99.99
bad-date,north,gizmo,1,99.99
2024-03-21,east,gadget,4,9.50
"""

sales, problems = [], []
for number, row in enumerate(csv.DictReader(io.StringIO(DATA)), start=2):
    try:
        row["date"] = date.fromisoformat(row["date"])
        row["units"] = int(row["units"] or 0)
        row["total"] = row["units"] * float(row["price"])
    except ValueError as error:
        problems.append((number, type(error).__name__))
    else:
        sales.append(row)

by_month = defaultdict(float)
by_region = defaultdict(list)
products = Counter()
for row in sales:
    by_month[f"{row['date']:%b %Y}"] += row["total"]
    by_region[row["region"]].append(row["total"])
    products[row["product"]] += row["units"]

print("problems:", problems)
for month, total in by_month.items():
    print(f"{month:<10} {total:>8.2f} {'#' * round(total / 10)}")
for region in sorted(by_region):
    totals = by_region[region]
    print(f"{region:<6} n={len(totals)} mean={statistics.mean(totals):.2f} median={statistics.median(totals):.2f}")
print(products.most_common(2), sum(r["total"] for r in sales))
best = max(sales, key=lambda r: r["total"])
print(best["date"].strftime("%A"), best["product"], (sales[-1]["date"] - sales[0]["date"]).days, "days")
