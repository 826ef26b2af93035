"""Every convention of reward functions, natively: what `rlhost.call` passes and reads, beside a call by hand as the
convention's framework makes it. Run by tests/it/plugin_python.rs: python3 tests/python/conventions.py"""

import asyncio
import inspect
import json
import math
import sys
import tempfile
import textwrap
import types
import unittest
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from unittest import mock

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parents[2] / "cli/templates/python"))

from rlhost import Abstain, Internal, InvalidReference, Message, Sample, Turn, build, call, serial, source, wanted, warm  # noqa: E402
from rlhost.standin import Levenshtein  # noqa: E402
from rlhost.standin import ctypes as ctypes_stand_in  # noqa: E402


def sample(response="", answer=None, prompt=None, turns=None, data_source="", params=None, **columns):
    return Sample(
        prompt=prompt or [],
        turns=turns or [Turn(response, "stop", 7)],
        answer_json=json.dumps(answer),
        data_source=data_source,
        columns_json=json.dumps(columns),
        params_json=json.dumps(params or {}),
    )


SAMPLES = [
    sample("#### 12", "12"),
    sample("#### 13", "12"),
    sample("so it is 12", "12", data_source="openai/gsm8k"),
    sample("", "12"),
    sample("<think>é</think> #### 1,200", "1,200", level=3, extra_info={"index": 4}),
]
SOURCE = "def f(): pass"


def judged(function, given, source=None, **settings):
    text = source or textwrap.dedent(inspect.getsource(function))
    return call.judge(call.plan(function, text, settings), given)


def final(text):
    return text.split("####")[-1].strip() if "####" in text else None


class Conventions(unittest.TestCase):
    def agree(self, function, by_hand, source=None, **settings):
        """The totals are those of calls by hand on the same samples."""
        self.agree_on(SAMPLES, function, by_hand, source, **settings)

    def agree_on(self, samples, function, by_hand, source=None, **settings):
        totals = set()
        for given in samples:
            total, _ = judged(function, given, source, **settings)
            self.assertEqual(total, by_hand(given), given)
            totals.add(total)
        self.assertGreater(len(totals), 1, "the samples tell nothing apart")

    def test_verl(self):
        def compute_score(data_source, solution_str, ground_truth, extra_info=None):
            bonus = 0.25 if data_source else 0.0
            return float(final(solution_str) == ground_truth) + bonus + extra_info.get("index", 0)

        self.agree(
            compute_score,
            lambda s: compute_score(
                data_source=s.data_source,
                solution_str=s.turns[0].text,
                ground_truth=json.loads(s.answer_json),
                extra_info=json.loads(s.columns_json).get("extra_info", {}),
            ),
        )

    def test_verl_before_data_sources(self):
        def compute_score(solution_str, ground_truth, method="strict", format_score=0.1, score=1.0):
            found = final(solution_str)
            if found is None:
                return 0
            return score if found == ground_truth else format_score

        self.agree(compute_score, lambda s: compute_score(s.turns[0].text, json.loads(s.answer_json)))
        plan = call.plan(compute_score, SOURCE, {})
        self.assertEqual(plan.params, {"method": "strict", "format_score": 0.1, "score": 1.0})
        wrong = sample("#### 13", "12", params={"format_score": 0.5})
        self.assertEqual(call.judge(plan, wrong)[0], compute_score("#### 13", "12", format_score=0.5))

    def test_verl_in_batches(self):
        def compute_score_batched(data_sources, solution_strs, ground_truths, extra_infos):
            return [{"score": float(final(s) == g)} for s, g in zip(solution_strs, ground_truths, strict=True)]

        self.agree(
            compute_score_batched,
            lambda s: compute_score_batched([""], [s.turns[0].text], [s.answer], [{}])[0]["score"],
        )

    def test_verl_async_and_with_keywords(self):
        async def compute_score(data_source, solution_str, ground_truth, extra_info=None, **kwargs):
            assert kwargs == {}
            await asyncio.sleep(0)
            return final(solution_str) == ground_truth

        self.agree(
            compute_score,
            lambda s: float(asyncio.run(compute_score("", s.turns[0].text, s.answer, None))),
        )

    def test_verl_passes_by_name_what_is_not_named(self):
        def compute_score(data_source, solution_str, ground_truth, **kwargs):
            assert sorted(kwargs) == ["extra_info"], kwargs
            return (1.0 if ground_truth in solution_str else 0.5) * (2.0 + kwargs["extra_info"].get("index", 0))

        def by_hand(function):
            return lambda s: function(
                data_source=s.data_source,
                solution_str=s.turns[0].text,
                ground_truth=json.loads(s.answer_json),
                extra_info=json.loads(s.columns_json).get("extra_info", {}),
            )

        self.agree(compute_score, by_hand(compute_score))
        told = call.plan(compute_score, SOURCE, {}).told()
        self.assertEqual(told, "called as by veRL: data_source, solution_str = response, ground_truth = answer, extra_info")

        def positional(solution_str, /, **kwargs):
            assert sorted(kwargs) == ["data_source", "extra_info", "ground_truth"], kwargs
            return float(kwargs["ground_truth"] in solution_str)

        self.agree(positional, lambda s: float(s.answer in s.turns[0].text))

        def batch(solution_strs, **kwargs):
            assert sorted(kwargs) == ["data_sources", "extra_infos", "ground_truths"], kwargs
            return [float(g in s) for s, g in zip(solution_strs, kwargs["ground_truths"], strict=True)]

        self.agree(batch, lambda s: float(s.answer in s.turns[0].text))

    def test_what_a_decorator_hides(self):
        def hidden(function):
            def inner(*args, **kwargs):
                return function(*args, **kwargs)

            return inner

        @hidden
        def verl(data_source, solution_str, ground_truth, extra_info=None):
            return float(ground_truth in solution_str) + len(data_source) + len(extra_info)

        with self.assertRaisesRegex(call.Unclear, r"inner\(\*args, \*\*kwargs\).*functools.wraps.*convention = .*verl"):
            call.plan(verl, SOURCE, {})
        for convention in ("plain", "no"):
            with self.assertRaisesRegex(call.Unclear, "gets no response|is none"):
                call.plan(verl, SOURCE, {"convention": convention})

        def by_hand(s):
            extra = s.columns.get("extra_info", s.columns)
            return verl(data_source=s.data_source, solution_str=s.response, ground_truth=s.answer, extra_info=extra)

        self.agree(verl, by_hand, convention="verl")
        # Or field by field.
        fields = {"solution_str": "response", "ground_truth": "answer", "data_source": "data_source", "extra_info": "extra_info"}
        self.agree(verl, by_hand, arguments=fields)

        @hidden
        def verl_batch(data_sources, solution_strs, ground_truths, extra_infos):
            return [float(g in s) for s, g in zip(solution_strs, ground_truths)]

        self.agree(verl_batch, lambda s: float(s.answer in s.response), convention="verl-batch")

        @hidden
        def easyr1(item):
            return {"overall": float(item["ground_truth"] in item["response"])}

        self.agree(easyr1, lambda s: float(s.answer in s.response), convention="easyr1")

        @hidden
        def easyr1_batch(items):
            return [{"overall": float(item["ground_truth"] in item["response"])} for item in items]

        self.agree(easyr1_batch, lambda s: float(s.answer in s.response), convention="easyr1-batch")

        # Beside its own three lists, TRL passes columns, whatever their names are.
        @hidden
        def trl(prompts, completions, completion_ids, solution, **kwargs):
            return [float(s in c) for c, s in zip(completions, solution)]

        source = "def trl(prompts, completions, completion_ids, solution, **kwargs): pass"
        self.agree(trl, lambda s: float(s.answer in s.response), source, convention="trl")

        @hidden
        def areal(text, completion, input_ids, output_ids, answer, **kwargs):
            return float(answer in completion) + len(text)

        self.agree(areal, lambda s: float(s.answer in s.response), convention="areal")

        def partly(prompt, completions, *args, **kwargs):
            assert len(args) == 2 and kwargs["answer"] == "12", (args, kwargs)
            return float(kwargs["answer"] in completions)

        self.agree_on(SAMPLES[:4], partly, lambda s: float(s.answer in s.response))

        def by_name_alone(*args):
            return 0

        with self.assertRaisesRegex(call.Unclear, r"by_name_alone\(\*args\) gets no response where it is called as by veRL"):
            call.plan(by_name_alone, SOURCE, {"convention": "verl"})

    def test_arguments_without_names_keep_their_places(self):
        def f(response, weight=2.0, answer=None, /):
            return weight * (answer in response)

        self.agree(f, lambda s: 2.0 * (s.answer in s.response))

    def test_what_async_functions_wait_for(self):
        async def compute_score(solution_str, ground_truth):
            loop = asyncio.get_running_loop()
            length = await loop.run_in_executor(None, len, solution_str)
            one, two = await asyncio.gather(asyncio.sleep(0, 1), asyncio.sleep(0, 2))
            return length + one + two

        self.assertEqual(judged(compute_score, sample("abcd", ""))[0], 7.0)

        async def forever(solution_str):
            await asyncio.get_running_loop().create_future()

        with self.assertRaisesRegex(Internal, "never comes"):
            judged(forever, sample())

    def test_easyr1(self):
        def compute_score(reward_input, format_weight=0.1):
            response = reward_input["response"]
            accuracy = float(final(response) == reward_input["ground_truth"])
            shape = float("####" in response)
            return {
                "overall": (1 - format_weight) * accuracy + format_weight * shape + reward_input["response_length"],
                "format": shape,
                "accuracy": accuracy,
            }

        def by_hand(s):
            return compute_score(
                {"response": s.turns[0].text, "response_length": 7, "ground_truth": json.loads(s.answer_json)}
            )["overall"]

        self.agree(compute_score, by_hand)
        total, parts = judged(compute_score, SAMPLES[0], SOURCE)
        self.assertEqual((total, parts), (8.0, [("format", 1.0), ("accuracy", 1.0)]))

        def batch(reward_inputs, format_weight=0.1):
            if not isinstance(reward_inputs, list):
                raise ValueError("a list")
            return [compute_score(reward_input, format_weight) for reward_input in reward_inputs]

        self.agree(batch, by_hand)

    def test_easyr1_before_reward_inputs(self):
        def compute_score(predict_str: str, ground_truth: str) -> float:
            return 0.9 * (final(predict_str) == ground_truth) + 0.1 * ("####" in predict_str)

        self.agree(compute_score, lambda s: compute_score(s.turns[0].text, json.loads(s.answer_json)))

        def batch(predicts, ground_truths, format_weight=0.1):
            return [{"overall": compute_score(p, g)} for p, g in zip(predicts, ground_truths)]

        self.agree(batch, lambda s: batch([s.turns[0].text], [s.answer])[0]["overall"])

    def test_trl_with_texts(self):
        def reward(completions, ground_truth, **kwargs):
            levels = kwargs.get("level", [0])
            return [float(final(c) == g) + n for c, g, n in zip(completions, ground_truth, levels, strict=True)]

        self.agree(
            reward,
            lambda s: reward(
                prompts=[""], completions=[s.turns[0].text], completion_ids=[[1]], ground_truth=[s.answer], **{
                    name: [value] for name, value in s.columns.items()
                }
            )[0],
        )  # fmt: skip

    def test_trl_with_messages(self):
        def reward(prompts, completions, solution, **kwargs):
            contents = [completion[0]["content"] for completion in completions]
            asked = [prompt[-1]["content"] for prompt in prompts]
            return [len(a) + float(final(c) == s) for a, c, s in zip(asked, contents, solution)]

        prompt = [Message("system", ["Think."]), Message("user", ["What is ", "6 + 6?"])]
        given = sample("#### 12", "12", prompt=prompt)
        by_hand = reward(
            prompts=[[{"role": "system", "content": "Think."}, {"role": "user", "content": "What is 6 + 6?"}]],
            completions=[[{"role": "assistant", "content": "#### 12"}]],
            solution=["12"],
        )
        self.assertEqual([judged(reward, given)[0]], by_hand)
        # The other way round, plugin.toml says it.
        with self.assertRaisesRegex(Internal, "TypeError"):
            judged(reward, given, completions="text")

    def test_trl_passes_messages_to_what_reads_them(self):
        def matches(completions, **kwargs):
            scores = []
            for completion in completions:
                match completion:
                    case [*_, {"content": text}]:
                        scores.append(len(text))
                    case str():
                        scores.append(-1.0)
            return scores

        self.agree(matches, lambda s: len(s.response))

        def gets(completions, **kwargs):
            from operator import itemgetter

            return [len("".join(map(itemgetter("content"), completion))) for completion in completions]

        self.agree(gets, lambda s: len(s.response))

        def texts(completions, **kwargs):
            return [len(completion) + (completion == "content") for completion in completions]

        self.agree(texts, lambda s: len(s.response))

    def test_trl_says_whether_it_applies(self):
        def reward(completions, kind, **kwargs):
            return [1.0 if k == "math" else None for k in kind]

        self.assertEqual(judged(reward, sample(kind="math"))[0], 1.0)
        with self.assertRaisesRegex(Abstain, "returned None"):
            judged(reward, sample(kind="code"))
        with self.assertRaisesRegex(InvalidReference, "no column `kind`"):
            judged(reward, sample())

    def test_trl_keywords_and_columns(self):
        def reward(completions, **kwargs):
            assert sorted(kwargs) == ["answer", "completion_ids", "level", "prompts", "solution"], kwargs
            assert kwargs["prompts"] == [""], kwargs
            return [float(c == s) for c, s in zip(completions, kwargs["solution"])]

        self.assertEqual(judged(reward, sample("x", "x", level=1))[0], 1.0)
        # A column of that name beside the answer is the column.
        self.assertEqual(judged(reward, sample("x", "y", level=1, solution="x"))[0], 1.0)

        def named(completions, solution):
            return [float(c == s) for c, s in zip(completions, solution)]

        self.assertEqual(judged(named, sample("x", "x"))[0], 1.0)
        self.assertEqual(judged(named, sample("x", "y", solution="x"))[0], 1.0)

    def test_areal(self):
        def reward_fn(prompt, completions, prompt_ids, completion_ids, answer, **kwargs):
            return float(final(completions) == str(answer)) + len(prompt)

        prompt = [Message("user", ["6 + 6?"])]
        for text in ("#### 12", "#### 13"):
            given = sample(text, "12", prompt=prompt)
            self.assertEqual(judged(reward_fn, given)[0], reward_fn("6 + 6?", text, [1], [2], "12"))

        def of_tokens(prompt, completions, prompt_ids, completion_ids, answer):
            return len(completion_ids)

        with self.assertRaisesRegex(Internal, "`completion_ids`.*no token ids"):
            judged(of_tokens, sample())

    def test_plain(self):
        def contains(response, answer):
            return answer in response

        self.agree(contains, lambda s: float(contains(s.turns[0].text, s.answer)))

        def by_position(prediction, reference, /, weight=2.0):
            return weight * (reference in prediction)

        self.agree(by_position, lambda s: by_position(s.turns[0].text, s.answer))

        def of_sample(sample):
            return len(sample.response) + len(sample.columns)

        self.agree(of_sample, lambda s: len(s.turns[0].text) + len(json.loads(s.columns_json)))

    def test_what_is_passed_can_be_said(self):
        def f(student, teacher, level):
            return float(teacher in student) * level

        arguments = {"student": "response", "teacher": "answer", "level": "columns.meta.level"}
        given = sample("x", "x", meta={"level": 3})
        self.assertEqual(judged(f, given, arguments=arguments)[0], f("x", "x", 3))

        def g(completions, ground_truth):
            return completions == ground_truth

        with self.assertRaisesRegex(Internal, "a list with an entry"):
            judged(g, sample("x", "x"))
        self.assertEqual(judged(g, sample("x", "x"), convention="plain", arguments={"completions": "response"})[0], 1.0)

    def test_what_is_not_clear_is_refused_with_the_way_out(self):
        def unclear(a, b):
            return 0

        def too_much(response, answer, tokenizer):
            return 0

        for function, settings, names in [
            (unclear, {}, ["unclear(a, b)", "python.arguments", "response"]),
            (too_much, {}, ["a plain function", "`tokenizer`", "python.arguments", "parameter"]),
            (unclear, {"convention": "slime"}, ['"slime"', "verl", "areal"]),
            (unclear, {"arguments": {"a": "response", "b": "truth"}}, ['"truth"', "answer"]),
            (unclear, {"arguments": {"a": "response", "c": "answer"}}, ["`c`", "no such argument"]),
            (unclear, {"convention": "trl", "completions": "lists"}, ["completions", '"messages"']),
        ]:
            with self.assertRaises(call.Unclear) as caught:
                call.plan(function, SOURCE, settings)
            for name in names:
                self.assertIn(name, str(caught.exception))


class Results(unittest.TestCase):
    def returned(self, value, given=None):
        def f(response):
            return value

        return judged(f, given or sample(), SOURCE)

    def test_scores(self):
        for value, total in [
            (True, 1.0), (0, 0.0), (-2.5, -2.5), (Fraction(1, 4), 0.25), (Decimal("0.1"), 0.1), (1e30, 1e30),
        ]:  # fmt: skip
            self.assertEqual(self.returned(value), (total, []))
        parts = {"score": 1, "acc": True, "pred": "12", "none": None, "f1": Fraction(1, 2)}
        self.assertEqual(self.returned(parts), (1.0, [("acc", 1.0), ("f1", 0.5)]))
        self.assertEqual(self.returned({"overall": 0.5, "score": 1.0}), (1.0, [("overall", 0.5)]))
        self.assertEqual(self.returned({"reward": 0.5}), (0.5, []))

    def test_no_score(self):
        for value, kind, names in [
            (None, Abstain, ["returned None"]),
            ({"score": None}, Abstain, ["'score'"]),
            (math.nan, Internal, ["nan", "finite"]),
            (-math.inf, Internal, ["-inf", "finite"]),
            (1.1e30, Internal, ["1e+30", "finite"]),
            (10**400, Internal, ["finite"]),
            (Decimal("sNaN"), Internal, ["finite"]),
            ("1.0", Internal, ["'1.0'", "a number"]),
            ([1.0], Internal, ["[1.0]", "a number"]),
            ({}, Internal, ["without 'score'", "nothing"]),
            ({"accuracy": 1.0}, Internal, ["without 'score'", "'accuracy'"]),
            ({"score": 1.0, "f1": math.nan}, Internal, ["'f1'", "nan"]),
            ({"score": "high"}, Internal, ["'score'", "'high'"]),
        ]:
            with self.assertRaises(kind, msg=repr(value)) as caught:
                self.returned(value)
            for name in names:
                self.assertIn(name, str(caught.exception))

    def test_lists_must_have_an_entry_for_the_response(self):
        for value, name in [(1.0, "a list"), ([], "0 entries"), ([1, 2], "2 entries"), ({"a": 1}, "a list")]:
            def f(completions, value=value):
                return value

            with self.assertRaises(Internal) as caught:
                judged(f, sample(), SOURCE)
            self.assertIn(name, str(caught.exception))

    def test_exceptions_are_told_and_no_zero(self):
        def f(response, answer):
            return {"1": 1}[answer]

        with self.assertRaisesRegex(Internal, "^KeyError: '2'"):
            judged(f, sample("", "2"))

        def leaves(response):
            sys.exit(0)

        with self.assertRaisesRegex(Internal, "^SystemExit: 0"):
            judged(leaves, sample())

        def says(response):
            raise InvalidReference("the answer has no unit")

        with self.assertRaisesRegex(InvalidReference, "^the answer has no unit$"):
            judged(says, sample())

    def test_parameters_are_of_their_defaults_kind(self):
        def f(response, flag=False, n=1, x=0.5, text="a", some=(1, 2), anything=None):
            return float(flag) + n + x + len(text) + len(some) + (anything is not None)

        self.assertEqual(self.with_params(f, {}), 4.5)
        given = {"flag": True, "n": 2, "x": 1, "text": "ab", "some": [1], "anything": {}}
        self.assertEqual(self.with_params(f, given), 1 + 2 + 1 + 2 + 1 + 1)
        for name, value, wanted in [
            ("flag", 1, "true or false"), ("flag", None, "true or false"), ("n", 1.5, "a whole number"),
            ("n", True, "a whole number"), ("x", "1", "a number"), ("x", False, "a number"), ("text", 1, "a text"),
        ]:  # fmt: skip
            with self.assertRaisesRegex(Internal, f"^the parameter `{name}` must be {wanted}$"):
                self.with_params(f, {name: value})

    def with_params(self, function, params):
        return judged(function, sample(params=params), SOURCE)[0]


class Callables(unittest.TestCase):
    """What `FILE.py:FUNCTION` may stand for."""

    def found(self, name, text, notes=None):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "own.py").write_text(textwrap.dedent(text))
            sys.modules.pop("own", None)
            with mock.patch.object(build, "HERE", folder), mock.patch.object(build, "OWN", folder + "/rlhost/"):
                return wanted.function(f"own.py:{name}", [] if notes is None else notes)

    def test_functions_classes_calls_and_methods(self):
        text = """
            def plain(response): return 1
            class Judge:
                def __init__(self, weight=2.0, *, name="x"): self.weight = weight
                def __call__(self, completions, solution, **kwargs): return [self.weight for _ in completions]
                def score(self, response): return self.weight
                @staticmethod
                def free(response): return 5
            def make(scale, other=1):
                def inner(response): return scale * other
                return inner
            """
        for name, arguments, score in [
            ("plain", ("r",), 1), ("Judge", (["r"], ["a"]), [2.0]), ("Judge(weight=3.0)", (["r"], ["a"]), [3.0]),
            ("Judge(4.0).score", ("r",), 4.0), ("Judge.free", ("r",), 5), ("make(2, other=5)", ("r",), 10),
        ]:  # fmt: skip
            self.assertEqual(self.found(name, text).function(*arguments), score, name)
        made = self.found("make(2)", text)
        self.assertEqual(made.params, {"other": 1})
        self.assertEqual(made.made({"other": 7, "unknown": 1})("r"), 14)
        self.assertEqual(self.found("make(scale=2)", text).params, {"scale": 2, "other": 1})
        with self.assertRaisesRegex(Internal, "`scale` must be a whole number"):
            self.found("make(scale=2)", text).made({"scale": "x"})
        for name, told in [
            ("Judge.score", r"name it as `Judge\(\).score`"), ("make()", "missing a required argument: 'scale'"),
            ("nothing", "has no function `nothing`; it has plain, Judge, make"), ("make(open('x'))", "a call with plain values"),
            ("make(2)(3)", "takes|int"), ("lambda: 1", "must be FILE.py:FUNCTION"), ("make(**{'scale': 1})", "plain values"),
        ]:  # fmt: skip
            with self.assertRaisesRegex(build.Refused, told, msg=name):
                self.found(name, text)

    def test_a_function_that_makes_one_is_told_from_a_reward(self):
        text = "def make(scale=1):\n    def inner(response): return scale\n    return inner\n"
        self.assertIn("own.py:make()", wanted.hint("own.py:make", self.found("make", text)))
        self.assertEqual("", wanted.hint("own.py:f", self.found("f", "def f(a):\n    return a\n")))

    def test_parameters_without_a_default_must_be_given(self):
        def compute_score(reward_inputs, top: int, factor: float, kind, flag=False):
            return [{"overall": top * factor, "kind": kind} for _ in reward_inputs]

        plan = call.plan(compute_score, SOURCE, {})
        self.assertIn("top = a parameter that must be given", plan.told())
        described = {name: default for name, _, default in call.parameters.described(plan.all_params(), {})}
        self.assertEqual(described, {"top": "", "factor": "", "kind": "", "flag": "false"})
        given = {"top": 3, "factor": 2, "kind": 1}
        self.assertEqual(call.judge(plan, sample("x", "y", params=given)), (6.0, [("kind", 1.0)]))
        for params, told in [
            ({"top": 3, "factor": 2}, "the parameter `kind` must be given"),
            ({**given, "top": 1.5}, "the parameter `top` must be a whole number"),
            ({**given, "factor": "x"}, "the parameter `factor` must be a number"),
        ]:
            with self.assertRaisesRegex(Internal, told):
                call.judge(plan, sample("x", "y", params=params))

        def plain(response, answer, scale):
            return scale

        plan = call.plan(plain, SOURCE, {"arguments": {"response": "response", "scale": "parameter"}})
        self.assertEqual(call.judge(plan, sample("x", "y", params={"scale": 4}))[0], 4.0)

    def test_modules_that_the_function_does_without(self):
        text = """
            from nobody.plugin import ORM, orms, register
            from nobody import torch as t
            from .utils import is_math_available, is_nobody_available, helper
            if is_nobody_available():
                raise SystemExit
            LOADED = t.load("x").to("y")
            class Score(ORM):
                def __call__(self, completions, solution, **kwargs):
                    return [float(is_math_available()) for _ in completions]
            orms["score"] = Score
            @register("other")
            def other(completions): return t.tensor(helper(completions))
            """
        notes = []
        found = self.found("Score", text, notes)
        self.assertEqual(found.function(["x"], ["y"]), [1.0])
        self.assertEqual(len(notes), 3, notes)
        self.assertIn("warning: src/own.py, line 2: there is no module `nobody.plugin`; the plugin does without (ORM, orms, register)", notes)
        self.assertNotIn("nobody", sys.modules)
        # What is called for later is refused.
        with self.assertRaisesRegex(Internal, "`nobody.torch"):
            found.module.t.tensor(1)
        with self.assertRaisesRegex(Internal, "is of a module that is not there"):
            bool(found.module.LOADED)
        for name, told in [("other", "there is no module `nobody`"), ("LOADED", "nobody")]:
            with self.assertRaisesRegex(build.Refused, told, msg=name):
                self.found(name, text)


class Serial(unittest.TestCase):
    def test_executors_pools_and_processes_run_at_once(self):
        with serial.Executor(max_workers=2) as pool:
            self.assertEqual(pool.submit(divmod, 7, 2).result(timeout=0), (3, 1))
            self.assertEqual(list(pool.map(len, ["a", "bc"])), [1, 2])
            with self.assertRaises(ZeroDivisionError):
                pool.submit(divmod, 1, 0).result()
        queue = serial.Queue()
        process = serial.Process(target=queue.put, args=(3,))
        process.start()
        process.join(5)
        self.assertEqual((process.is_alive(), process.exitcode, queue.get(timeout=1)), (False, 0, 3))
        with self.assertRaisesRegex(Internal, "never comes"):
            queue.get()
        with serial.Pool(4) as pool:
            self.assertEqual(pool.map(abs, [-1, 2]), [1, 2])
            self.assertEqual(pool.apply_async(divmod, (7, 2)).get(timeout=1), (3, 1))
            self.assertEqual(pool.starmap(pow, [(2, 3), (3, 2)]), [8, 9])


class StandIns(unittest.TestCase):
    def test_levenshtein_has_the_packages_numbers(self):
        lines = (Path(__file__).parents[1] / "fixtures/rewards/maths/levenshtein.jsonl").read_text().splitlines()
        self.assertGreater(len(lines), 100)
        for line in map(json.loads, lines):
            for name, number in line["found"].items():
                self.assertEqual(getattr(Levenshtein, name)(*line["texts"]), number, (name, line["texts"]))
        self.assertEqual(Levenshtein.distance("abc", "abd", weights=(1, 1, 2)), 2)
        with self.assertRaisesRegex(AttributeError, "has distance, ratio"):
            Levenshtein.editops

    def test_ctypes_has_sizes_and_says_what_it_has_not(self):
        self.assertEqual(ctypes_stand_in.sizeof(ctypes_stand_in.c_long), 4)
        with self.assertRaisesRegex(AttributeError, "no foreign functions"):
            ctypes_stand_in.CDLL

    def test_a_warm_up_leaves_the_plugins_files_as_they_were(self):
        with tempfile.TemporaryDirectory() as folder:
            text = "seen = []\ncount = 0\nclass C:\n    n = {}\ndef f(r):\n    global count, more\n    seen.append(r)\n    count += 1\n    more = 1\n    C.n[r] = 1\n"
            Path(folder, "own.py").write_text(text)
            sys.modules.pop("own", None)
            with mock.patch.object(build, "HERE", folder), mock.patch.object(build, "OWN", folder + "/rlhost/"):
                found = wanted.function("own.py:f", [])
                kept = found.module.seen
                warm.up(lambda response, answer: found.function(response))
            self.assertEqual((found.module.seen, found.module.count, found.module.C.n), ([], 0, {}))
            self.assertIs(found.module.seen, kept)
            self.assertFalse(hasattr(found.module, "more"))


class Imports(unittest.TestCase):
    def test_what_a_file_needs_is_told_from_what_it_can_do_without(self):
        text = textwrap.dedent(
            """
            import re, json as j
            from math import sqrt
            def f():
                import datetime
                try:
                    import numpy as np
                except ImportError:
                    np = None
            try:
                import torch
            except ValueError:
                pass
            if TYPE_CHECKING:
                import pandas
            if __name__ == "__main__":
                import pytest
            if sys.platform == "win32":
                import winreg
            with suppress(ImportError), open("x") as f:
                import one
            with contextlib.suppress(KeyError):
                import two
            with lock:
                import three
            if importlib.util.find_spec("four"):
                import four
            HAS_FIVE = find_spec("five") is not None
            try:
                import six
                HAS_SIX = True
            except:
                HAS_SIX = False
            def g(x):
                if HAS_FIVE and x:
                    import five
                if HAS_SIX:
                    import six.moves
                if x:
                    import seven
                from . import eight
                try:
                    from .nine import f
                except ImportError:
                    pass
            if HAS_ANY:
                import ten
            """
        )
        import ast

        found = list(source.imports(ast.parse(text)))
        self.assertEqual(
            [(it.module, it.optional) for it in found if not it.relative],
            [("re", False), ("json", False), ("math", False), ("datetime", False), ("numpy", True), ("torch", False),
             ("winreg", True), ("one", True), ("two", False), ("three", False), ("four", True), ("six", True),
             ("five", True), ("six.moves", True), ("seven", False), ("ten", True)],
        )  # fmt: skip
        self.assertEqual([(it.names, it.optional) for it in found if it.relative], [(["eight"], False), (["f"], True)])
        self.assertEqual([it.module for it in found if it.inside], ["datetime", "numpy", "five", "six.moves", "seven", "", "nine"])

    def test_files_that_make_no_plugin(self):
        """What the build says; that it says it, and where, is for tests of the command."""
        cases = [
            ("x = {}[0]", KeyError, 'File "src/own.py", line 1, in <module>'),
            ("def f(:", SyntaxError, 'File "src/own.py", line 1'),
            ("from .other import f", build.Refused, "src/own.py, line 1: a relative import"),
            ("def f():\n    from . import other", build.Refused, "src/own.py, line 2: a relative import"),
            ("import sys\nif sys:\n    import nobody.x", build.Refused, "src/own.py, line 3: there is no module `nobody`"),
            ("def f():\n    import ssl_of_nobody.x", build.Refused, "src/own.py, line 2: there is no module `ssl_of_nobody`"),
            ("def f(): return g()\ndef g():\n    import nobody", build.Refused, "src/own.py, line 3: there is no module `nobody`"),
            ("def f():\n    import nobody\n    f()", build.Refused, "src/own.py, line 2: there is no module `nobody`"),
            ("def f(): return globals()['g']()\ndef g():\n    import nobody", build.Refused, "line 3: there is no module `nobody`"),
            ("@print\ndef g():\n    import nobody\ndef f(): pass", build.Refused, "line 3: there is no module `nobody`"),
            ("class A:\n    def g(self):\n        import nobody\ndef f(): return A()", build.Refused, "line 3: there is no module"),
            ("def g(): pass", build.Refused, "src/own.py has no function `f`; it has g"),
            ("f = 3", build.Refused, "src/own.py: `f` is an int, and not a function"),
            ("class f: pass", build.Refused, "src/own.py: what `f` makes is a f, and not a function"),
        ]
        for text, kind, wanted in cases:
            # `assertRaises` would take the trace away.
            try:
                self.function("own.py:f", text)
            except kind as error:
                said = str(error) if isinstance(error, build.Refused) else self.explained(error)
                self.assertIn(wanted, said)
            else:
                self.fail(text)
        with self.assertRaisesRegex(build.Refused, "src/absent.py, which is not there; there is own.py"):
            self.function("absent.py:f", "def f(): pass")

    def test_files_that_do(self):
        text = "import other\ntry:\n    import nobody\nexcept ImportError:\n    nobody = 3\nf = lambda response: nobody\n"
        function, module, source = self.function("math.py:f", text, other="x = 1\n")
        self.assertEqual((function("r"), module.other.x, source), (3, 1, text))
        self.assertEqual(math.sqrt(4), 2)
        # Imports that fail, and that the file can do without; a mark of UTF-8; an encoding of its own.
        text = (
            "\ufefffrom contextlib import suppress\nfrom importlib.util import find_spec\nwith suppress(ImportError):\n    import nobody\n"
            "if find_spec('nobody'):\n    import nobody\ntry:\n    from .other import x\nexcept ImportError:\n    from other import x\n"
            "def f(response): return x\n"
        )
        function, _, source = self.function("own.py:f", text, other="x = 1\n", __init__="from .nothing import x\n")
        self.assertEqual((function("r"), source), (1, text[1:]))
        text = "# coding: latin-1\ndef f(response): return 'caf\xe9'\n"
        function, _, source = self.function("own.py:f", text.encode("latin-1"))
        self.assertEqual((function("r"), source), ("caf\xe9", text))

    def test_functions_that_nothing_names_may_import_what_is_not_there(self):
        text = "def plot(rows):\n    import nobody.x\n    from . import other\n    nobody.x.plot(rows)\ndef f(response): return 1\n"
        notes = []
        function, _, _ = self.function("own.py:f", text, notes=notes)
        self.assertEqual(function("r"), 1)
        warning = "warning: src/own.py, line 2: there is no module `nobody.x`; nothing names the function that imports it"
        self.assertEqual(notes, [warning])

    def test_modules_without_a_source(self):
        module = types.ModuleType("frozen_one")
        module.__file__ = "/nowhere/frozen_one.py"
        with mock.patch.dict(sys.modules, {"frozen_one": module}):
            self.assertEqual(list(build.inner("frozen_one")), [])

    def test_encodings_are_loaded(self):
        build.load_encodings()
        for name in ("utf_8_sig", "utf_16_le", "utf_7", "iso8859_15", "cp437", "gbk", "shift_jis", "euc_kr", "rot_13", "base64_codec"):
            self.assertIn(f"encodings.{name}", sys.modules)

    def function(self, name, text, notes=None, **others):
        file = "own.py" if name.startswith("absent") else name.split(":")[0]
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, file).write_bytes(text if isinstance(text, bytes) else text.encode())
            for other, content in others.items():
                Path(folder, other + ".py").write_text(content)
            sys.modules.pop("own", None)
            sys.path.insert(0, folder)
            self.folder = folder
            with mock.patch.object(build, "HERE", folder), mock.patch.object(build, "OWN", folder + "/rlhost/"):
                try:
                    found = wanted.function(name, [] if notes is None else notes)
                    return found.function, found.module, found.source
                finally:
                    sys.path.remove(folder)

    def explained(self, error):
        with mock.patch.object(build, "HERE", self.folder), mock.patch.object(build, "OWN", self.folder + "/rlhost/"):
            return build.explained(error)

    def test_what_does_not_work_in_the_sandbox_is_named_with_its_line(self):
        import ast

        text = textwrap.dedent(
            """
            import signal, os.path, concurrent.futures as cf
            from multiprocessing import Pool as P
            import threading
            words = open("words.txt").read()
            lock = threading.Lock()
            def f(x):
                signal.alarm(3)
                cf.ThreadPoolExecutor()
                P(2)
                os.path.join("a", "b")
                os.system("ls")
                y = eval(x)
                return open(x)
            """
        )
        notes = list(source.idle("r.py", ast.parse(text)))
        names = [note.split(": ")[2] for note in notes]
        self.assertEqual(
            names,
            ["signal.alarm", "concurrent.futures.ThreadPoolExecutor", "multiprocessing.Pool", "os.system", "eval", "open"],
        )
        self.assertIn("src/r.py, line 8: signal.alarm: it never rings", notes[0])


class Together(unittest.TestCase):
    """Functions that see several responses at once."""

    GIVEN = [sample("a", "x", level=1), sample("b", "y", level=2), sample("a", "z", level=3)]

    def together(self, function, scope="group", **settings):
        text = textwrap.dedent(inspect.getsource(function))
        return call.judge_all(call.plan(function, text, settings, scope), self.GIVEN)

    def test_lists_hold_all_of_a_call(self):
        def trl(completions, answer, level, **kwargs):
            assert kwargs["completion_ids"] and len(kwargs["prompts"]) == len(kwargs["answer"] if "answer" in kwargs else answer) == 3
            return [completions.count(it) + n for it, n in zip(completions, level)]

        def easyr1(reward_inputs, weight=2.0):
            return [{"overall": weight * len(reward_inputs), "level": it["level"]} for it in reward_inputs]

        def verl(data_sources, solution_strs, ground_truths, extra_infos):
            return [None if truth == "y" else {"score": solution_strs.index(it)} for it, truth in zip(solution_strs, ground_truths)]

        def plain(responses, answers, samples):
            return [float(it.answer == answer) for it, answer in zip(samples, answers)]

        self.assertEqual([it[0] for it in self.together(trl)], [3.0, 3.0, 5.0])
        self.assertEqual(self.together(easyr1, "batch")[2], (6.0, [("level", 3.0)]))
        first, second, third = self.together(verl)
        self.assertEqual((first, third), ((0.0, []), (0.0, [])))
        self.assertIsInstance(second, Abstain)
        self.assertEqual([it[0] for it in self.together(plain)], [1.0, 1.0, 1.0])

    def test_an_error_is_that_of_all(self):
        def fails(completions):
            return [1 / 0]

        def short(completions):
            return [1.0]

        for function, told in ((fails, "ZeroDivisionError"), (short, "1 entries for 3 responses")):
            found = self.together(function)
            self.assertTrue(all(isinstance(it, Internal) and told in str(it) for it in found), found)

    def test_a_function_of_one_response_is_refused(self):
        def verl(solution_str, ground_truth):
            return 1.0

        with self.assertRaisesRegex(call.Unclear, "with one response at a time"):
            self.together(verl)

    def test_what_lists_hold_is_told(self):
        def trl(completions):
            return [1.0 for _ in completions]

        text = textwrap.dedent(inspect.getsource(trl))
        self.assertIn("a list has one entry", call.plan(trl, text, {}).told())
        self.assertIn("for each completion of a prompt", call.plan(trl, text, {}, "group").told())
        self.assertIn("of a training step", call.plan(trl, text, {}, "batch").told())

    def test_functions_that_compare_responses_are_seen(self):
        alone = [
            "[score(c) for c in completions]",
            "[float(a in c) for c, a in zip(completions, answer)]",
            "[0.0] * len(completions)",
            "list(map(len, completions))",
            "[sum(map(len, c)) for c in completions]",
        ]
        compares = [
            "[Counter(completions)[c] for c in completions]",
            "[float(len(c) == max(len(o) for o in completions)) for c in completions]",
            "[sum(c == o for o in completions) for c in completions]",
            "spread(completions)",
            "[1.0] * len(set(completions))",
        ]
        for wanted_line, bodies in ((None, alone), (2, compares)):
            for body in bodies:
                tree = __import__("ast").parse(f"def f(completions, answer=()):\n    return {body}\n")
                self.assertEqual(source.compares(tree, "f", {"completions"}), wanted_line, body)
        made = "def f(completions):\n    texts = [c[0]['content'] for c in completions]\n    return [texts.count(t) / len(set(texts)) for t in texts]\n"
        self.assertEqual(source.compares(__import__("ast").parse(made), "f", {"completions"}), 3)


if __name__ == "__main__":
    unittest.main()
