"""Looks at the source of a tool without running it."""

import ast


def problem(name, source):
    """What is wrong with a source as the definition of the function that is named; None if nothing is."""
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        return "line %s: %s" % (error.lineno, error.msg)
    except Exception as error:
        return str(error) or "it cannot be read as Python"
    found = [node for node in tree.body if getattr(node, "name", None) == name]
    if not found:
        return "it does not define a function %s" % name
    if isinstance(found[-1], ast.AsyncFunctionDef):
        return "%s is async, and a tool has to be a plain function" % name
    if not isinstance(found[-1], ast.FunctionDef):
        return "%s is not a function" % name
    return None
