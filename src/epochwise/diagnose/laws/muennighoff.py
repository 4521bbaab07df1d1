"""Muennighoff et al. 2023 (arXiv 2305.16264): what repeated tokens are worth in pretraining.

Falls with every epoch, so it cannot choose epochs; it is here to be compared with.
"""

import math

LOG_A, LOG_B, LOG_E, ALPHA, BETA = 6.255414, 7.3049974, 0.6254804, 0.3526596, 0.3526596
TOKEN_REPEATS, PARAMETER_REPEATS = 15.387756, 5.309743  # R_D*, R_N*: how soon repeats lose value


def loss(parameters: float, tokens: float, unique: float) -> float:
    """Nats per token after `tokens` tokens, of which `unique` are different."""
    distinct = min(unique, tokens)
    seen = worth(distinct, tokens / distinct - 1, TOKEN_REPEATS)
    needed = min(parameters, optimal_parameters(distinct))
    size = worth(needed, parameters / needed - 1, PARAMETER_REPEATS)
    falls = math.exp(LOG_A) / size**ALPHA + math.exp(LOG_B) / seen**BETA
    return float(math.exp(LOG_E) + falls)


def worth(unique: float, repeats: float, decay: float) -> float:
    """Fresh ones of the same effect."""
    return unique + unique * decay * (1 - math.exp(-repeats / decay))


def optimal_parameters(tokens: float) -> float:
    """Chinchilla's number of parameters for that many fresh tokens."""
    balance = _balance()
    return float((tokens * balance) ** (BETA / ALPHA) * balance)


def _balance() -> float:
    """G = (alpha A / (beta B))^(1 / (alpha + beta))."""
    ratio = ALPHA * math.exp(LOG_A) / (BETA * math.exp(LOG_B))
    return float(ratio ** (1 / (ALPHA + BETA)))
