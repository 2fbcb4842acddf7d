"""textwrap and hand-made justification of paragraphs."""

import textwrap

TEXT = (
    "In the beginning the Universe was created. This has made a lot of people very angry and been widely "
    "regarded as a bad move. Many races believe it was created by some sort of god."
)
print(textwrap.fill(TEXT, 40))
print(textwrap.fill(TEXT, 50, initial_indent="* ", subsequent_indent="  ", max_lines=2, placeholder=" [...]"))
print(textwrap.shorten(TEXT, 45), textwrap.shorten("short", 45))
code = """
    def f(x):
        return x

    # end
"""
print(textwrap.dedent(code).strip())
print(textwrap.indent("a\n\nb", "> "), textwrap.indent("a\n\nb", "+ ", lambda line: True), sep="\n--\n")
print(
    textwrap.wrap("averyveryverylongword in-between hyphen-ated", 10),
    textwrap.wrap("longwordhere x", 6, break_long_words=False),
)
print(
    textwrap.TextWrapper(width=20, fix_sentence_endings=True, break_on_hyphens=False).wrap(
        "One end. another well-known-thing."
    )
)


def justify(text, width):
    lines, line = [], []
    for word in text.split():
        if sum(map(len, line)) + len(line) + len(word) > width:
            gaps = max(len(line) - 1, 1)
            spaces = width - sum(map(len, line))
            filled = "".join(
                word + " " * (spaces // gaps + (n < spaces % gaps)) if n < gaps else word for n, word in enumerate(line)
            )
            lines.append(filled)
            line = []
        line.append(word)
    return lines + [" ".join(line).ljust(width)]


for row in justify(TEXT, 36):
    print(f"|{row}|")
