"""A little Lisp: reader, environments, closures, recursion and tail-safe loops."""

import math
import operator as op
from collections import ChainMap
from functools import reduce


def read(tokens):
    token = tokens.pop(0)
    if token == "(":
        items = []
        while tokens[0] != ")":
            items.append(read(tokens))
        tokens.pop(0)
        return items
    if token == ")":
        raise SyntaxError("unexpected )")
    try:
        return int(token)
    except ValueError:
        return token


def parse(text):
    tokens = text.replace("(", " ( ").replace(")", " ) ").split()
    while tokens:
        yield read(tokens)


GLOBALS = {
    "+": lambda *a: sum(a),
    "*": lambda *a: math.prod(a),
    "-": lambda a, b=None: -a if b is None else a - b,
    "=": op.eq,
    "<": op.lt,
    "list": lambda *a: list(a),
    "car": lambda a: a[0],
    "cdr": lambda a: a[1:],
    "cons": lambda a, b: [a, *b],
    "null?": op.not_,
    "map": lambda f, a: [f(x) for x in a],
    "fold": lambda f, start, a: reduce(f, a, start),
    "#t": True,
    "#f": False,
}


def evaluate(x, env):
    while True:
        match x:
            case str():
                return env[x]
            case int() | []:
                return x
            case ["quote", value]:
                return value
            case ["if", test, then, otherwise]:
                x = then if evaluate(test, env) else otherwise
            case ["define", [name, *names], *body]:
                x = ["define", name, ["lambda", names, *body]]
            case ["define", name, value]:
                env[name] = evaluate(value, env)
                return name
            case ["let", pairs, body]:
                x, env = body, env.new_child({name: evaluate(value, env) for name, value in pairs})
            case ["lambda", names, *body]:
                return lambda *args, names=names, body=body, env=env: [
                    evaluate(b, env.new_child(dict(zip(names, args)))) for b in body
                ][-1]
            case [function, *args]:
                return evaluate(function, env)(*[evaluate(arg, env) for arg in args])


env = ChainMap({}, GLOBALS)
SOURCE = """
(define (fact n) (if (= n 0) 1 (* n (fact (- n 1)))))
(fact 25)
(define (range a b) (if (< a b) (cons a (range (+ a 1) b)) (quote ())))
(map (lambda (x) (* x x)) (range 0 8))
(fold + 0 (range 0 50))
(define (adder n) (lambda (x) (+ x n)))
((adder 10) 32)
(let ((a 3) (b 4)) (- (* a b) (+ a b)))
(define (compose f g) (lambda (x) (f (g x))))
(map (compose (adder 1) fact) (list 1 2 3))
(quote (a (b c) 4))
"""
for expression in parse(SOURCE):
    print(evaluate(expression, env))
for broken in (")", "(undefined 1)"):
    try:
        print([evaluate(expression, env) for expression in parse(broken)])
    except (SyntaxError, KeyError) as error:
        print(type(error).__name__, error)
