"""Rule files changed at the level of form, one place each: keys unknown, missing, twice; values of another type.

A tree is what YAML gives: dicts, lists, texts, numbers, true, false, None. A mutant is written as JSON, which is YAML.
"""
import copy
import json

VALUES = [[], {}, None, 7, -1, 1.5, True, "", "a b c", "x", ["x"], {"x": "y"}, [1, 2], [[]], "none", "a:", "h (", "l in 0..2"]


def places(tree, path=()):
    """Paths of all values under the root."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield path + (key,)
        yield from places(value, path + (key,))


def at(tree, path):
    for key in path:
        tree = tree[key]
    return tree


def rename(parent, old, new):
    """A key renamed in its place."""
    items = [(new if key == old else key, value) for key, value in parent.items()]
    parent.clear()
    parent.update(items)


def mutant(tree, numbers):
    """(what was done, tree)"""
    tree = copy.deepcopy(tree)
    path = numbers.choice(list(places(tree)))
    parent, key = at(tree, path[:-1]), path[-1]
    kind = numbers.choice(["value", "value", "delete", "add", "rename", "wrap"])
    if kind == "value":
        value = copy.deepcopy(numbers.choice(VALUES))
        done, parent[key] = f"= {json.dumps(value)}", value
    elif kind == "wrap":
        done, parent[key] = "in a list", [parent[key]]
    elif kind == "delete" or isinstance(parent, list):
        done = "deleted"
        del parent[key]
    elif kind == "add":
        done, parent["zz_new"] = "and a further key", copy.deepcopy(numbers.choice(VALUES))
    else:
        done = "renamed"
        rename(parent, key, numbers.choice([key + "x", key + " x", "9" + key, key.upper(), "for", "when"]))
    return f"{'/'.join(map(str, path))} {done}", tree


def twice(tree, numbers):
    """The text of the tree with one key of one map given twice; None if the place has none."""
    maps = [path for path in [(), *places(tree)] if isinstance(at(tree, path), dict) and at(tree, path)]
    path = numbers.choice(maps)
    key = numbers.choice(list(at(tree, path)))
    marked = copy.deepcopy(tree)
    at(marked, path)["\u0001" + key] = at(tree, path)[key]
    return f"{'/'.join(map(str, path + (key,)))} twice", json.dumps(marked, ensure_ascii=False).replace("\\u0001", "")


def text(tree):
    return json.dumps(tree, ensure_ascii=False)
