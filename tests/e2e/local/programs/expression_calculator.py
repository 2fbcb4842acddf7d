"""A recursive-descent calculator: precedence, functions, variables, errors with their place."""

import math
import re


class Calculator:
    FUNCTIONS = {"sqrt": math.sqrt, "max": max, "abs": abs, "round": round}

    def __init__(self):
        self.variables = {"pi": math.pi}

    def evaluate(self, text):
        self.tokens = re.findall(r"\d+\.?\d*|\w+|\*\*|[-+*/%(),=]|\S", text)
        self.place = 0
        if len(self.tokens) > 2 and self.tokens[1] == "=":
            name, self.place = self.tokens[0], 2
            self.variables[name] = value = self.sum()
        else:
            value = self.sum()
        if self.place < len(self.tokens):
            raise SyntaxError(f"unexpected {self.peek()!r} at {self.place}")
        return value

    def peek(self):
        return self.tokens[self.place] if self.place < len(self.tokens) else None

    def take(self, *expected):
        if self.place < len(self.tokens) and self.peek() in expected:
            self.place += 1
            return self.tokens[self.place - 1]

    def sum(self):
        value = self.product()
        while sign := self.take("+", "-"):
            value = value + self.product() if sign == "+" else value - self.product()
        return value

    def product(self):
        value = self.unary()
        while sign := self.take("*", "/", "%"):
            right = self.unary()
            value = value * right if sign == "*" else value / right if sign == "/" else value % right
        return value

    def unary(self):
        return -self.unary() if self.take("-") else self.power()

    def power(self):
        base = self.atom()
        return base ** self.unary() if self.take("**") else base

    def atom(self):
        token = self.take(self.peek())
        if token is None:
            raise SyntaxError("unexpected end")
        if token[0].isdigit():
            return float(token) if "." in token else int(token)
        if token == "(":
            value = self.sum()
            if not self.take(")"):
                raise SyntaxError("missing )")
            return value
        if self.take("("):
            arguments = [self.sum()]
            while self.take(","):
                arguments.append(self.sum())
            self.take(")")
            return self.FUNCTIONS[token](*arguments)
        return self.variables[token]


calculator = Calculator()
for text in [
    "1 + 2 * 3",
    "-2 ** 2",
    "2 ** 3 ** 2",
    "(1 + 2) * -3 / 4",
    "x = 10 % 4",
    "sqrt(x * 8) + max(1, x, 3)",
    "y + 1",
    "(1",
    "3 $ 4",
    "1 / 0",
    "2 * ",
]:
    try:
        print(f"{text:<28} = {calculator.evaluate(text)}")
    except (SyntaxError, KeyError, ZeroDivisionError) as error:
        print(f"{text:<28} ! {type(error).__name__}")
