"""Huffman codes: a tree from frequencies, encoding, decoding, and what was saved."""

import heapq
from collections import Counter
from itertools import count, groupby


def codes(text):
    order = count()
    heap = [(n, next(order), char) for char, n in sorted(Counter(text).items())]
    heapq.heapify(heap)
    while len(heap) > 1:
        (n1, _, a), (n2, _, b) = heapq.heappop(heap), heapq.heappop(heap)
        heapq.heappush(heap, (n1 + n2, next(order), (a, b)))
    table = {}

    def walk(node, prefix):
        if isinstance(node, str):
            table[node] = prefix or "0"
        else:
            walk(node[0], prefix + "0")
            walk(node[1], prefix + "1")

    walk(heap[0][2], "")
    return table


def encode(text, table):
    bits = "".join(table[char] for char in text)
    padding = -len(bits) % 8
    return bytes([padding]) + int(bits + "0" * padding, 2).to_bytes((len(bits) + padding) // 8, "big")


def decode(blob, table):
    back, out, bits = {code: char for char, code in table.items()}, [], ""
    stream = f"{int.from_bytes(blob[1:], 'big'):0{8 * (len(blob) - 1)}b}"
    for bit in stream[: len(stream) - blob[0]]:
        bits += bit
        if bits in back:
            out.append(back[bits])
            bits = ""
    return "".join(out)


text = "she sells sea shells by the sea shore; the shells she sells are sea shells for sure"
table = codes(text)
for char, code in sorted(table.items(), key=lambda item: (len(item[1]), item[1])):
    print(f"{char!r} {code}", end="  ")
packed = encode(text, table)
print(
    f"\n{len(text)} -> {len(packed)} bytes ({len(packed) / len(text):.1%})",
    packed[:6].hex(),
    decode(packed, table) == text,
)
print(codes("aaaa"), decode(encode("aaaa", codes("aaaa")), codes("aaaa")))
runs = [(char, len(list(group))) for char, group in groupby("WWWWBBBWWC")]
print(runs, "".join(char * n for char, n in runs))
