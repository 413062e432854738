"""Are mutants small mistakes in the solution only, the same each time, and none of them senseless?"""

import pytest
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.provider import OperatorProvider

from course.authoring.mutants import CHOSEN, LEFT_OUT, Mutant, mutants_of, operators, take_census


def cell(*lines, before=""):
    body = "\n".join(f"    {line}" for line in lines)
    return f'{before}def f(x, y=3):\n    """Add 1."""\n    ### BEGIN SOLUTION\n{body}\n    ### END SOLUTION\n'


def changes(*lines):
    return [mutant.after for mutant in mutants_of(cell(*lines))[0]]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("return x < y", ["return x <= y", "return x >= y"]),
        ("return x - y", ["return x + y"]),
        ("return x and not y", ["return x and y", "return x or not y"]),
        ("return x in y", ["return x not in y"]),
        ("return [x, y]", ["return [y,]", "return [x,]"]),
        ("return x['key']", ["return x['key_']"]),
        ("x.append(y)", ["pass"]),
        ("x += y", ["pass"]),
        ("x = x.copy()", ["pass"]),
        ("z = x.copy()", []),
        ("return True", ["return False"]),
        ("for z in x: y = z", ["for z in []: y = z"]),
    ],
)
def test_what_becomes_of_a_line(line, expected):
    assert changes(line) == expected


def test_only_solution_regions_are_changed():
    assert {mutant.line for mutant in mutants_of(cell("return x + 1", before="A = 1 + 1\n"))[0]} == {5}


def test_the_same_mutants_come_each_time():
    source = cell("for i in range(3):", "    x += i * y", "return x if x > 0 else -x")
    assert mutants_of(source) == mutants_of(source)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["raise ValueError('no' + x * 2)"], "it changes only what an error says"),
        (["assert x, f'{y + 1} is no'"], "it changes only what an error says"),
        (["if x < y:", "    return x"], "it doubles the comparison turned round"),
        (
            ["try:", "    return x", "except (KeyError, TypeError):", "    return y"],
            "it doubles the exception replaced",
        ),
    ],
)
def test_what_is_left_out_is_counted_with_its_reason(lines, reason):
    assert reason in mutants_of(cell(*lines))[1]


def test_an_exception_that_is_replaced_stays_a_name_that_exists():
    assert changes("try:", "    return x", "except KeyError:", "    pass") == ["except EncodingWarning:"]


def test_every_operator_of_cosmic_ray_is_chosen_or_left_out_for_a_reason():
    for name in OperatorProvider():
        assert name in CHOSEN or any(name.startswith(start) for start in LEFT_OUT), name
    assert set(CHOSEN) <= set(OperatorProvider())


def test_our_own_operators_do_what_their_examples_say():
    own = [operator for operator in operators() if type(operator).__module__.startswith("course.")]
    assert len(own) == 4
    for operator in own:
        for example in operator.examples():
            assert mutate_code(example.pre_mutation_code, operator, example.occurrence) == example.post_mutation_code


def mutant(number, after="b"):
    return Mutant(f"m{number}", "", number, "a = 1", f"a = {after}")


def test_a_census_counts_nine_in_ten():
    mutants = [mutant(n) for n in range(10)]
    assert take_census("f", mutants, mutants[:1], {}, {}).enough
    assert not take_census("f", mutants, mutants[:2], {}, {}).enough
    assert take_census("f", [], [], {}, {}).enough


def test_a_declared_mutant_counts_neither_as_killed_nor_as_alive():
    mutants = [mutant(n) for n in range(9)] + [mutant(9, "c")]
    census = take_census("f", mutants, mutants[8:], {"why-not": ("a=1", "a  =  c")}, {})
    assert (census.killed, census.counted) == (8, 9) and census.equivalents == {"why-not": [mutants[9]]}
