"""An algorithm: a policy loss with its gradient."""

from rlhost.algorithm import LossInput, LossOutput, Totals

# "row": micro-batches add up; "batch": the whole mini-batch is seen at once.
LOSS_SCOPE = "row"
# Arrays that are needed besides those that are always there, such as "entropy".
NEEDS = []
# What the parameters are for: the functions' arguments that have a default.
PARAMS = {"scale": "Factor of the loss."}


def policy_loss(input: LossInput, totals: Totals, scale: float = 1.0) -> LossOutput:
    """The function to edit: −A · logp, the mean over tokens.

    Advantages of your own come from a function `advantage(input: AdvantageInput) -> Advantages`.
    """
    # Dividing by the totals, and not by the tokens at hand, makes micro-batches add up.
    weight = scale / max(totals.tokens, 1)
    out = LossOutput.zero(input.rows)
    for row in range(len(input.rows)):
        for token in input.rows.trained(row):
            out.loss -= weight * input.advantages[token] * input.logp[token]
            out.d_logp[token] = -weight * input.advantages[token]
    return out
