"""CSV in memory: readers, writers, dialects, quoting and sniffing."""

import csv
import io

text = """name,team,points,note
Ann,red,10,"says ""hi"", twice"
Bob,blue,7,"two
lines"
Cid,red,12,
"""
rows = list(csv.reader(io.StringIO(text)))
print(len(rows), rows[1], rows[2][3].split("\n"))
records = list(csv.DictReader(io.StringIO(text)))
totals = {}
for record in records:
    totals[record["team"]] = totals.get(record["team"], 0) + int(record["points"])
print(totals, max(records, key=lambda r: int(r["points"]))["name"])

out = io.StringIO()
writer = csv.DictWriter(out, fieldnames=["team", "total"], lineterminator="\n", extrasaction="ignore")
writer.writeheader()
for team, total in sorted(totals.items()):
    writer.writerow({"team": team, "total": total, "extra": 1})
print(out.getvalue())

out = io.StringIO()
csv.writer(out, quoting=csv.QUOTE_NONNUMERIC).writerows([["a", 1, 2.5], ["b,c", None, 'q"q']])
csv.writer(out, delimiter="\t", quotechar="'").writerow(["tab\there", "it's", "x"])
print(repr(out.getvalue()))
print(list(csv.reader(io.StringIO('"x",2.5\n'), quoting=csv.QUOTE_NONNUMERIC)))

sample = "id;value;when\n1;3,5;2024-01-02\n2;4,5;2024-02-03\n"
dialect = csv.Sniffer().sniff(sample)
print(dialect.delimiter, csv.Sniffer().has_header(sample), [r[1] for r in csv.reader(sample.splitlines(), dialect)])
csv.register_dialect("pipes", delimiter="|", skipinitialspace=True)
print(next(csv.reader(["a| b|  c"], "pipes")), "pipes" in csv.list_dialects())
short = csv.DictReader(["a,b,c", "1,2", "1,2,3,4"], restkey="more", restval="-")
print(list(short), short.line_num)
try:
    csv.reader(["x"], delimiter="ab")
except TypeError as error:
    print(type(error).__name__)
try:
    csv.writer(io.StringIO(), quoting=csv.QUOTE_NONE).writerow(["a,b"])
except csv.Error as error:
    print("csv.Error", "escape" in str(error))
