"""An interpreter for a famously small language."""


def jumps(code):
    stack, table = [], {}
    for place, char in enumerate(code):
        if char == "[":
            stack.append(place)
        elif char == "]":
            if not stack:
                raise SyntaxError(f"] without [ at {place}")
            start = stack.pop()
            table[start], table[place] = place, start
    if stack:
        raise SyntaxError(f"[ without ] at {stack[-1]}")
    return table


def run(source, given="", size=300):
    code = [char for char in source if char in "+-<>[].,"]
    table, cells, out, given = jumps(code), bytearray(size), [], iter(given)
    place = cell = steps = 0
    while place < len(code):
        match code[place]:
            case "+":
                cells[cell] = cells[cell] + 1 & 255
            case "-":
                cells[cell] = cells[cell] - 1 & 255
            case ">":
                cell += 1
            case "<":
                cell -= 1
            case ".":
                out.append(chr(cells[cell]))
            case ",":
                cells[cell] = ord(next(given, "\0"))
            case "[" if not cells[cell]:
                place = table[place]
            case "]" if cells[cell]:
                place = table[place]
        place += 1
        steps += 1
    return "".join(out), steps


HELLO = "++++++++[>++++[>++>+++>+++>+<<<<-]>+>+>->>+[<]<-]>>.>---.+++++++..+++.>>.<-.<.+++.------.--------.>>+."
print(run(HELLO))
print(run(",[.,]", "echo me"), run(">,[>,]<[.<]", "backwards"), sep="\n")
for broken in ("[[]", "+]"):
    try:
        run(broken)
    except SyntaxError as error:
        print("SyntaxError:", error)
