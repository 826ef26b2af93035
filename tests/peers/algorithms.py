"""The algorithms' arithmetic in NumPy, for `cargo xtask bench`.

python algorithms.py make FOLDER    random batches, as raw little-endian files, in FOLDER/full and FOLDER/ragged
python algorithms.py serve FOLDER   answers commands from standard input, one JSON line each, on one of them:
    cases           names of what can be run
    time CASE       microseconds of one call
    results CASE    the scalars of one call; its arrays go to FOLDER/results.f64

Everything is vectorised over padded [rows, width] arrays of f64 with a mask, as NumPy code is written.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

ROWS, WIDTH, GROUP = 512, 4096, 8

# Settings, those of trainer/examples/bench_algorithms.rs.
LOW, HIGH, DUAL, TIS_CAP = 0.8, 1.2, 3.0, 2.0
ENTROPY_COEFF, KL_COEF, KL_REWARD_COEF = 0.01, 0.01, 0.001
COV_LOW, COV_HIGH, COV_SHARE, COV_KL = 8.0, 60.0, 2e-4, 0.1
GAMMA, LAMBDA = 0.99, 0.95
VALUE_RANGE = 0.5


def make(folder):
    """Batches whose numbers look like those of a step: ratios near 1, some of them beyond the clip."""
    random = np.random.default_rng(7)
    for name in ("full", "ragged"):
        home = Path(folder, name)
        home.mkdir(parents=True, exist_ok=True)
        lengths = np.full(ROWS, WIDTH) if name == "full" else random.integers(1, WIDTH + 1, ROWS)
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        tokens = offsets[-1]
        row = np.repeat(np.arange(ROWS), lengths)
        place = np.arange(tokens) - offsets[row]
        scores = random.integers(0, 2, ROWS).astype(float)
        logp = -random.exponential(0.7, tokens)
        entropy = random.exponential(0.4, tokens)
        values = random.normal(0.5, 0.3, tokens)
        rewards = random.normal(0.0, 0.001, tokens)
        rewards[offsets[1:] - 1] += scores
        arrays = {
            "logp": logp,
            "old_logp": logp + random.normal(0.0, 0.15, tokens),
            "ref_logp": logp + random.normal(0.0, 0.3, tokens),
            "rollout_logp": logp + random.normal(0.0, 0.2, tokens),
            "entropy": entropy,
            "advantages": random.normal(0.0, 1.0, tokens),
            "rewards": rewards,
            "values": values,
            "old_values": values + random.normal(0.0, 0.4, tokens),
            "returns": random.normal(0.5, 0.5, tokens),
            "baselines": random.integers(0, 2, ROWS).astype(float),
            "row_scores": scores,
            # A target wrote the first quarter of every second row.
            "prefix": ((row % 2 == 0) & (place < lengths[row] // 4)).astype(float),
        }
        offsets.astype("<u8").tofile(home / "offsets.u64")
        for key, array in arrays.items():
            array.astype("<f8").tofile(home / f"{key}.f64")


def load(folder):
    """Padded arrays as globals, by the names of `make`."""
    offsets = np.fromfile(Path(folder, "offsets.u64"), "<u8").astype(int)
    lengths = np.diff(offsets)
    here = globals()
    here["mask"] = np.arange(WIDTH) < lengths[:, None]
    here["m"] = mask.astype(float)
    here["lengths"] = lengths.astype(float)
    here["count"] = float(lengths.sum())
    here["rows"] = len(lengths)
    for file in Path(folder).glob("*.f64"):
        flat = np.fromfile(file, "<f8")
        if flat.size == rows:
            here[file.stem] = flat
        elif file.stem != "results":
            padded = np.zeros((rows, WIDTH))
            padded[mask] = flat
            here[file.stem] = padded
    here["prefix"] = prefix.astype(bool)


# --- Advantages: (scalars, [advantages, returns])


def by_row(values):
    advantages = values.reshape(-1, 1) * m
    return {}, [advantages, advantages]


def grouped():
    return (rewards * m).sum(axis=1).reshape(-1, GROUP)


def whiten(x):
    mean = (x * m).sum() / (count + 1e-8)
    var = ((x - mean) ** 2 * m).sum() / (count + 1e-8) * (count / (count - 1.0))
    return (x - mean) / np.sqrt(var + 1e-8) * m


def grpo():
    s = grouped()
    return by_row((s - s.mean(axis=1, keepdims=True)) / (s.std(axis=1, ddof=1, keepdims=True) + 1e-6))


def grpo_passk():
    s = grouped()
    order = np.argsort(s, axis=1)
    best, second = order[:, -1:], order[:, -2:-1]
    lead = np.take_along_axis(s, best, 1) - np.take_along_axis(s, second, 1)
    values = np.zeros_like(s)
    np.put_along_axis(values, best, lead / (s.std(axis=1, ddof=1, keepdims=True) + 1e-6), 1)
    return by_row(values)


def rloo():
    s = grouped()
    return by_row(s - (s.sum(axis=1, keepdims=True) - s) / (GROUP - 1))


def opo():
    s = grouped()
    l = m.sum(axis=1).reshape(-1, GROUP)
    return by_row(s - (s * l).sum(axis=1, keepdims=True) / l.sum(axis=1, keepdims=True))


def gpg_advantage():
    s = grouped()
    return by_row(s.size / np.count_nonzero(s) * (s - s.mean(axis=1, keepdims=True)))


def reinforce_plus_plus():
    returns = np.zeros_like(rewards)
    carry = np.zeros(rows)
    for t in reversed(range(WIDTH)):
        carry = (rewards[:, t] + GAMMA * carry) * m[:, t]
        returns[:, t] = carry
    return {}, [whiten(returns), returns]


def reinforce_plus_plus_baseline():
    s = grouped()
    white = whiten((s - s.mean(axis=1, keepdims=True)).reshape(-1, 1) * m)
    return {}, [white, white]


def remax():
    returns = np.cumsum((rewards * m)[:, ::-1], axis=1)[:, ::-1] * m
    return {}, [(returns - baselines[:, None]) * m, returns]


def gae():
    advantages = np.zeros_like(rewards)
    carry, next_value = np.zeros(rows), np.zeros(rows)
    for t in reversed(range(WIDTH)):
        delta = rewards[:, t] + GAMMA * next_value - values[:, t]
        # Tokens of padding leave what is carried as it is.
        carry = np.where(mask[:, t], delta + GAMMA * LAMBDA * carry, carry)
        next_value = np.where(mask[:, t], values[:, t], next_value)
        advantages[:, t] = carry
    return {}, [whiten(advantages), (advantages + values) * m]


def normalized():
    s = np.clip(grouped(), -20.0, 20.0)
    s = (s - s.mean(axis=1, keepdims=True)) / (s.std(axis=1, ddof=1, keepdims=True) + 1e-5)
    spread = s.reshape(-1, 1) * m
    mean = spread.sum() / count
    std = np.sqrt((((spread - mean) * m) ** 2).sum() / (count - 1.0))
    return {}, [(spread - mean) / (std + 1e-5) * m, spread]


def kl_in_reward():
    kl, _ = k3(old_logp, ref_logp)
    kl = kl * m
    return {"kl": (kl.sum(axis=1) / lengths).mean()}, [rewards - KL_REWARD_COEF * kl]


# --- Losses: (scalars, [gradient with respect to logp, …])


def k3(logp, ref):
    """Value and derivative with respect to logp."""
    x = np.clip(ref - logp, -20.0, 20.0)
    grown = np.expm1(x)
    value = grown - x
    inside = (np.abs(logp - ref) <= 20.0) & (value <= 10.0)
    return np.minimum(value, 10.0), np.where(inside, -grown, 0.0)


def mean(x):
    return (x * m).sum() / count


def scalars(loss, higher=0.0, lower=0.0, kl=0.0, **more):
    found = {
        "actor/pg_loss": loss,
        "actor/pg_clipfrac_higher": higher,
        "actor/pg_clipfrac_lower": lower,
        "actor/ppo_kl": kl,
    }
    found.update({f"actor/{name}": value for name, value in more.items()})
    return {"loss": loss, **found}


def vanilla_tokens(sampler=1.0):
    """Loss and gradient of each token, where it was clipped, and d."""
    raw = logp - old_logp
    d = np.clip(raw, -20.0, 20.0)
    ratio = np.exp(d)
    plain = -advantages * ratio
    clipped = -advantages * np.clip(ratio, LOW, HIGH)
    higher = clipped > plain
    loss = np.maximum(plain, clipped)
    bound = -advantages * DUAL
    lower = (advantages < 0.0) & (loss > bound)
    loss = np.where(lower, bound, loss)
    moves = ~(higher | lower) & (np.abs(raw) <= 20.0)
    return loss * sampler, np.where(moves, plain * sampler, 0.0), higher, lower, d


def vanilla():
    loss, slope, higher, lower, d = vanilla_tokens()
    return scalars(mean(loss), mean(higher), mean(lower), mean(-d)), [slope * m / count]


def vanilla_tis():
    loss, slope, higher, lower, d = vanilla_tokens(np.minimum(np.exp(old_logp - rollout_logp), TIS_CAP))
    return scalars(mean(loss), mean(higher), mean(lower), mean(-d)), [slope * m / count]


def vanilla_kl_entropy():
    loss, slope, higher, lower, d = vanilla_tokens()
    kl, kl_slope = k3(logp, ref_logp)
    kl_loss, bonus = mean(kl), mean(entropy)
    found = scalars(mean(loss), mean(higher), mean(lower), mean(-d), kl_loss=kl_loss, entropy_loss=bonus)
    found["loss"] += KL_COEF * kl_loss - ENTROPY_COEFF * bonus
    return found, [(slope + KL_COEF * kl_slope) * m / count, -ENTROPY_COEFF * m / count]


def gspo():
    d = (logp - old_logp) * m
    row_mean = (d.sum(axis=1) / lengths)[:, None]
    ratio = np.exp(np.minimum(row_mean, 10.0))
    plain = -advantages * ratio
    clipped = -advantages * np.clip(ratio, LOW, HIGH)
    higher = clipped > plain
    weight = m / (rows * lengths[:, None])
    loss = (np.maximum(plain, clipped) * weight).sum()
    moves = ~higher & (row_mean <= 10.0)
    return scalars(loss, mean(higher), 0.0, mean(-d)), [np.where(moves, plain, 0.0) * weight]


def geo_mean():
    d = (logp - old_logp) * m
    up, down = (advantages > 0.0) & mask, (advantages < 0.0) & mask
    low, high = LOW - 1.0, HIGH - 1.0
    bounded = np.where(up, np.minimum(d, high), np.where(down, np.maximum(d, low), 0.0))
    moving = (up | down) & (bounded == d)
    outside = (d < low) | (d > high)
    ratio = np.exp(bounded.sum(axis=1) / lengths)
    loss = -(advantages * m).sum(axis=1) / lengths * ratio / rows
    found = scalars(loss.sum(), mean(outside & up), mean(outside & down), mean(-d))
    return found, [np.where(moving, (loss / lengths)[:, None], 0.0)]


def gpg_loss():
    return scalars(mean(-advantages * logp)), [-advantages * m / count]


def sft():
    return scalars(mean(-logp)), [-m / count]


def covariances():
    mean_advantage = (advantages * m).sum() / (count + 1e-8)
    mean_logp = (logp * m).sum() / (count + 1e-8)
    return (advantages - mean_advantage) * (logp - mean_logp)


def clip_cov():
    covariance = covariances()
    d = logp - old_logp
    ratio = np.exp(np.minimum(d, 700.0))
    plain = -advantages * ratio
    clipped = -advantages * np.clip(ratio, LOW, HIGH)
    inside = clipped <= plain
    candidates = np.flatnonzero(mask & inside & (covariance > COV_LOW) & (covariance < COV_HIGH))
    wanted = max(int(COV_SHARE * count), 1)
    drawn = np.random.permutation(candidates)[:wanted]
    keep = m.copy()
    keep.flat[drawn] = 0.0
    loss = (np.maximum(plain, clipped) * keep).sum() / count
    gradient = np.where(inside, plain, 0.0) * keep / count
    return scalars(loss, len(drawn) / count, 0.0, mean(-d)), [gradient]


def kl_cov():
    covariance = covariances()[mask]
    chosen = max(int(count * COV_SHARE), 1)
    top = np.argpartition(covariance, covariance.size - chosen)[-chosen:]
    penalised = np.zeros_like(m)
    penalised.flat[np.flatnonzero(mask)[top]] = COV_KL
    d = logp - old_logp
    size = np.abs(d)
    plain = -advantages * np.exp(np.minimum(d, 700.0))
    return scalars(mean(plain + penalised * size), kl=mean(size)), [(plain + penalised * np.sign(d)) * m / count]


def parts():
    """Weights of the policy's own tokens and of the prefix in means over each."""
    own, target = m * ~prefix, m * prefix
    return own / own.sum(), target / target.sum()


def luffy():
    d = logp - old_logp
    ratio = np.exp(np.minimum(d, 700.0))
    plain = -advantages * ratio
    clipped = -advantages * np.clip(ratio, LOW, HIGH)
    higher = clipped > plain
    p = np.exp(logp)
    target = -advantages * p
    own = np.maximum(plain, clipped)
    own_share, target_share = parts()
    found = scalars(
        mean(np.where(prefix, target, own)),
        mean(higher),
        kl=mean(-d),
        on_pg_loss=(own * own_share).sum(),
        off_pg_loss=(target * target_share).sum(),
        off_ratio_mean=(p * target_share).sum(),
        on_policy_prob=(np.exp(old_logp) * own_share).sum(),
        off_policy_prob=(p * target_share).sum(),
        on_pg_clipfrac=mean(higher),
        off_pg_clipfrac=0.0,
    )
    return found, [np.where(prefix, target, np.where(higher, 0.0, plain)) * m / count]


def srft():
    d = logp - old_logp
    row_entropy = (entropy * m).sum(axis=1) / lengths
    likelihood, reward = 0.5 * np.exp(-row_entropy), 0.1 * np.exp(row_entropy)
    factor = np.where(np.abs(row_scores - 1.0) < 1e-9, -reward, 1.0)[:, None]
    plain, bounded = factor * logp, factor * np.clip(logp, LOW, HIGH)
    higher = bounded > plain
    own = np.maximum(plain, bounded)
    own_slope = np.where(higher & ((logp < LOW) | (logp > HIGH)), 0.0, factor)
    p = np.exp(logp)
    target = -advantages * p
    own_share, target_share = parts()
    has_prefix = (prefix & mask).any(axis=1)
    learnt = (has_prefix[:, None] * m) / (has_prefix * lengths).sum() * likelihood[:, None]
    found = scalars(
        mean(np.where(prefix, target, own)) - (learnt * logp).sum(),
        mean(higher),
        kl=mean(-d),
        on_pg_loss=(own * own_share).sum(),
        off_pg_loss=(target * target_share).sum(),
        off_ratio_mean=(p * target_share).sum(),
        on_policy_prob=(np.exp(old_logp) * own_share).sum(),
        off_policy_prob=(p * target_share).sum(),
        on_pg_clipfrac=mean(higher),
        off_pg_clipfrac=0.0,
        H_coef=row_entropy.mean(),
        sft_coef=likelihood.mean(),
        on_coef=reward.mean(),
        entropy_loss=mean(entropy),
    )
    return found, [np.where(prefix, target, own_slope) * m / count - learnt]


def vanilla_and_likelihood(target):
    loss, slope, higher, lower, d = vanilla_tokens()
    own, target = m * ~target, m * target
    own, target = own / own.sum(), target / target.sum()
    policy, likelihood = (loss * own).sum(), -(logp * target).sum()
    found = scalars(
        policy + likelihood,
        (higher * own).sum(),
        (lower * own).sum(),
        -(d * own).sum(),
        ori_pg_loss=policy,
        sft_loss=likelihood,
        sft_coef=1.0,
    )
    return found, [slope * own - target]


def hpt():
    return vanilla_and_likelihood((prefix & mask).any(axis=1)[:, None])


def uft():
    found, arrays = vanilla_and_likelihood(prefix)
    found["actor/hint_ratio"] = mean(prefix)
    return found, arrays


def value_loss():
    error = values - returns
    bounded = np.clip(values, old_values - VALUE_RANGE, old_values + VALUE_RANGE) - returns
    clipped = bounded**2 > error**2
    loss = mean(0.5 * np.where(clipped, bounded, error) ** 2)
    found = {"loss": loss, "critic/vf_loss": loss, "critic/vf_clipfrac": mean(clipped), "critic/vpred_mean": mean(values)}
    return found, [np.where(clipped, 0.0, error) * m / count]


CASES = {
    "advantage grpo": grpo,
    "advantage grpo_passk": grpo_passk,
    "advantage rloo": rloo,
    "advantage opo": opo,
    "advantage gpg": gpg_advantage,
    "advantage reinforce_plus_plus": reinforce_plus_plus,
    "advantage reinforce_plus_plus_baseline": reinforce_plus_plus_baseline,
    "advantage remax": remax,
    "advantage gae": gae,
    "normalized_advantage": normalized,
    "kl_in_reward": kl_in_reward,
    "loss vanilla": vanilla,
    "loss vanilla, TIS": vanilla_tis,
    "loss vanilla, KL, entropy": vanilla_kl_entropy,
    "loss gspo": gspo,
    "loss geo_mean": geo_mean,
    "loss gpg": gpg_loss,
    "loss clip_cov": clip_cov,
    "loss kl_cov": kl_cov,
    "loss sft": sft,
    "loss luffy": luffy,
    "loss srft": srft,
    "loss hpt": hpt,
    "loss uft": uft,
    "value_loss": value_loss,
}


def serve(folder):
    load(folder)
    for line in sys.stdin:
        command, _, case = line.strip().partition(" ")
        if command == "cases":
            reply = list(CASES)
        elif command == "time":
            start = time.perf_counter()
            found = CASES[case]()
            reply = (time.perf_counter() - start) * 1e6
            del found
        else:
            reply, arrays = CASES[case]()
            np.concatenate([array[mask] for array in arrays]).astype("<f8").tofile(Path(folder, "results.f64"))
            reply = {name: float(value) for name, value in reply.items()}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    {"make": make, "serve": serve}[sys.argv[1]](sys.argv[2])
