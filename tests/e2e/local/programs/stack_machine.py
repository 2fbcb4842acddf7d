"""A compiler from nested lists to code for a small stack machine, and the machine."""

from enum import Enum, auto


class Op(Enum):
    PUSH = auto()
    LOAD = auto()
    STORE = auto()
    BINARY = auto()
    JUMP = auto()
    JUMP_IF_FALSE = auto()
    PRINT = auto()


BINARY = {"+": int.__add__, "-": int.__sub__, "*": int.__mul__, "<": int.__lt__, "==": int.__eq__, "%": int.__mod__}


def compile_expression(node, code):
    match node:
        case int():
            code.append((Op.PUSH, node))
        case str():
            code.append((Op.LOAD, node))
        case [sign, left, right] if sign in BINARY:
            compile_expression(left, code)
            compile_expression(right, code)
            code.append((Op.BINARY, sign))
        case _:
            raise ValueError(f"no expression: {node!r}")


def compile_block(block, code):
    for statement in block:
        match statement:
            case ["set", name, value]:
                compile_expression(value, code)
                code.append((Op.STORE, name))
            case ["print", value]:
                compile_expression(value, code)
                code.append((Op.PRINT, None))
            case ["while", condition, *body]:
                top = len(code)
                compile_expression(condition, code)
                hole = len(code)
                code.append(None)
                compile_block(body, code)
                code.append((Op.JUMP, top))
                code[hole] = (Op.JUMP_IF_FALSE, len(code))
            case ["if", condition, *body]:
                compile_expression(condition, code)
                hole = len(code)
                code.append(None)
                compile_block(body, code)
                code[hole] = (Op.JUMP_IF_FALSE, len(code))
    return code


def run(code):
    stack, names, out, place, steps = [], {}, [], 0, 0
    while place < len(code):
        op, argument = code[place]
        place, steps = place + 1, steps + 1
        if op is Op.PUSH:
            stack.append(argument)
        elif op is Op.LOAD:
            stack.append(names[argument])
        elif op is Op.STORE:
            names[argument] = stack.pop()
        elif op is Op.BINARY:
            right, left = stack.pop(), stack.pop()
            stack.append(BINARY[argument](left, right))
        elif op is Op.PRINT:
            out.append(stack.pop())
        elif op is Op.JUMP or not stack.pop():
            place = argument
    return out, steps


program = [
    ["set", "n", 6],
    ["set", "steps", 0],
    [
        "while",
        ["<", 1, "n"],
        ["set", "odd", ["%", "n", 2]],
        ["if", ["==", "odd", 1], ["set", "n", ["+", ["*", "n", 3], 1]]],
        [
            "if",
            ["==", "odd", 0],
            ["set", "half", 0],
            ["while", ["<", ["*", "half", 2], "n"], ["set", "half", ["+", "half", 1]]],
            ["set", "n", "half"],
        ],
        ["set", "steps", ["+", "steps", 1]],
    ],
    ["print", "steps"],
]
code = compile_block(program, [])
print(len(code), *[f"{op.name}({argument})" for op, argument in code[:8]])
print(run(code))
