"""Other ways to score, for `cargo xtask bench`: python peers.py WAY SAMPLES COMPONENT MODULE

Every way does the same job: 1 where the text between the last pair of answer tags is the reference answer,
else 0. Prints one JSON object: latency of single scores in microseconds, scores a second on 1 and on 2
cores, and the mean score.
"""

import json
import multiprocessing
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor


def judge(response, answer):
    _, tag, after = response.rpartition("<answer>")
    given, end, _ = after.partition("</answer>")
    return 1.0 if tag and end and given.strip() == answer.strip() else 0.0


# --- Ways: each makes a function of one sample, (response, answer) -> score, in the process that calls it.

def python_function():
    return judge


CHILD = """
import json, sys
def judge(response, answer):
    _, tag, after = response.rpartition("<answer>")
    given, end, _ = after.partition("</answer>")
    return 1.0 if tag and end and given.strip() == answer.strip() else 0.0
print(judge(*json.load(sys.stdin)))
"""


def python_subprocess():
    def score(response, answer):
        text = json.dumps([response, answer])
        run = subprocess.run([sys.executable, "-c", CHILD], input=text, capture_output=True, text=True, check=True)
        return float(run.stdout)

    return score


def wasmtime_engine():
    import wasmtime

    config = wasmtime.Config()
    config.consume_fuel = True
    config.epoch_interruption = True
    config.cranelift_nan_canonicalization = True
    return wasmtime.Engine(config)


def fresh_store(engine):
    import wasmtime

    store = wasmtime.Store(engine)
    store.set_fuel(1_000_000_000)
    store.set_epoch_deadline(1_000_000)
    return store


def wasmtime_component():
    """The very component that rlhost runs, a fresh store and instance for each score."""
    from wasmtime import component

    engine = wasmtime_engine()
    code = component.Component.from_file(engine, COMPONENT)
    linker = component.Linker(engine)
    linker.define_unknown_imports_as_traps(code)
    reward = code.get_export_index("rlhost:plugin/reward@0.1.0")
    index = code.get_export_index("score", reward)

    def record(**fields):
        found = component.Record()
        for name, value in fields.items():
            setattr(found, name.replace("_", "-"), value)
        return found

    def score(response, answer):
        store = fresh_store(engine)
        instance = linker.instantiate(store, code)
        function = instance.get_func(store, index)
        turn = record(text=response, finish_reason="stop", tokens=0)
        sample = record(
            group=0, prompt=[], response=[turn], answer=json.dumps(answer), data_source="", problem_type="",
            answer_type="", columns="{}", params="{}", images=[],
        )
        [verdict] = function(store, [sample])
        return getattr(verdict, "payload", verdict).total

    return score


def wasmtime_module():
    """The same reward as a core module: the host writes bytes into its memory. A fresh store and instance."""
    import wasmtime

    engine = wasmtime_engine()
    code = wasmtime.Module.from_file(engine, MODULE)
    linker = wasmtime.Linker(engine)
    # Extism's functions, which `bare_judge` doesn't call.
    linker.define_unknown_imports_as_traps(code)
    ready = linker.instantiate_pre(code)

    def score(response, answer):
        store = fresh_store(engine)
        exports = ready.instantiate(store).exports(store)
        text = f"{response}\0{answer}".encode()
        at = exports["bare_alloc"](store, len(text))
        exports["memory"].write(store, text, at)
        return exports["bare_judge"](store, at, len(text))

    return score


def extism_plugin():
    """The same core module as an Extism plugin: compiled once, a fresh plugin for each score."""
    import struct

    import extism
    from extism.extism import CompiledPlugin

    with open(MODULE, "rb") as file:
        code = CompiledPlugin(file.read(), wasi=False)

    def score(response, answer):
        with extism.Plugin(code) as plugin:
            output = plugin.call("score", f"{response}\0{answer}".encode())
        return struct.unpack("<d", bytes(output))[0]

    return score


def extism_reused():
    """The same plugin, one for all scores of a process."""
    import struct

    import extism

    with open(MODULE, "rb") as file:
        plugin = extism.Plugin(file.read(), wasi=False)

    def score(response, answer):
        output = plugin.call("score", f"{response}\0{answer}".encode())
        return struct.unpack("<d", bytes(output))[0]

    return score


# Name: (way, scores whose latency is taken, scores of a batch that measures a rate)
WAYS = {
    "python-in-process": (python_function, 20_000, 200_000),
    "python-subprocess": (python_subprocess, 40, 40),
    "wasmtime-py-component": (wasmtime_component, 300, 400),
    "wasmtime-py-module": (wasmtime_module, 500, 1_000),
    "extism-fresh": (extism_plugin, 500, 1_000),
    "extism-reused": (extism_reused, 5_000, 20_000),
}
ROUNDS = 3


def start(way):
    global SCORE
    SCORE = WAYS[way][0]()


def score_one(sample):
    return SCORE(*sample)


def score_part(samples):
    return sum(SCORE(*sample) for sample in samples)


def ready(_):
    time.sleep(0.05)


def main():
    way = sys.argv[1]
    with open(sys.argv[2]) as file:
        samples = [json.loads(line) for line in file]
    samples = [(sample["response"], sample["answer"]) for sample in samples]
    if way == "python-pool":
        return pool(samples)
    _, singles, batch = WAYS[way]
    start(way)
    many = [samples[i % len(samples)] for i in range(batch)]
    score_part(many[: batch // 10])
    latency, one, two = [], [], []
    # Python runs on one core at a time, so a second one takes a second process, except where the work is
    # a process of its own already.
    if way == "python-subprocess":
        workers = ThreadPoolExecutor(2)
    else:
        workers = multiprocessing.get_context("spawn").Pool(2, start, [way])
        list(workers.map(ready, range(4), chunksize=1))
        workers.map(score_part, [many[: batch // 10]] * 4, chunksize=1)
    for _ in range(ROUNDS):
        times = []
        for i in range(singles):
            begin = time.perf_counter()
            score_one(samples[i % len(samples)])
            times.append((time.perf_counter() - begin) * 1e6)
        latency.append(sorted(times))
        begin = time.perf_counter()
        score_part(many)
        one.append(batch / (time.perf_counter() - begin))
        begin = time.perf_counter()
        list(workers.map(score_part, [many[0::2], many[1::2]]))
        two.append(batch / (time.perf_counter() - begin))
    mean = score_part(samples) / len(samples) if singles >= len(samples) else None
    report(way, latency, one, two, mean)


def pool(samples):
    """A pool of processes that score chunk by chunk in plain Python: what most trainers do."""
    batch = [samples[i % len(samples)] for i in range(50_000)]
    rates = {1: [], 2: []}
    latency = []
    for cores in (1, 2):
        with multiprocessing.get_context("spawn").Pool(cores, start, ["python-in-process"]) as workers:
            workers.map(ready, range(2 * cores), chunksize=1)
            for _ in range(ROUNDS):
                begin = time.perf_counter()
                scores = workers.map(score_one, batch, chunksize=64)
                rates[cores].append(len(batch) / (time.perf_counter() - begin))
                if cores == 1:
                    times = []
                    for sample in samples * 5:
                        begin = time.perf_counter()
                        workers.apply(score_one, (sample,))
                        times.append((time.perf_counter() - begin) * 1e6)
                    latency.append(sorted(times))
    whole = len(batch) // len(samples) * len(samples)
    report("python-pool", latency, rates[1], rates[2], sum(scores[:whole]) / whole)


def report(way, latency, one, two, mean):
    median = lambda values: sorted(values)[len(values) // 2]
    percentile = lambda p: round(median([times[len(times) * p // 100] for times in latency]), 2)
    print(json.dumps({
        "way": way,
        "latency_us": {"p50": percentile(50), "p90": percentile(90), "p99": percentile(99)},
        "rate_1_core": round(median(one), 1),
        "rate_2_cores": round(median(two), 1),
        "rounds_1_core": [round(rate, 1) for rate in one],
        "rounds_2_cores": [round(rate, 1) for rate in two],
        "mean_score": mean,
    }))


# Processes of a pool run this file again, with the same arguments.
COMPONENT, MODULE = sys.argv[3:5]

if __name__ == "__main__":
    main()
