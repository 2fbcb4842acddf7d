"""random with a seed: the same sequence on every machine, for every kind of draw."""

import random

random.seed(42)
print([random.random() for _ in range(3)], [random.randint(1, 6) for _ in range(10)], random.randrange(0, 100, 7))
print(
    random.choice("abcdef"),
    random.choices(["red", "black", "green"], weights=[18, 18, 2], k=6),
    random.sample(range(1000), 5),
)
deck = [f"{rank}{suit}" for suit in "SHDC" for rank in "A23456789TJQK"]
random.shuffle(deck)
print(deck[:8], random.uniform(-1, 1), random.getrandbits(70), random.randbytes(4).hex())
rng = random.Random("text seed")
draws = {
    "gauss": rng.gauss(0, 1),
    "normal": rng.normalvariate(10, 2),
    "expo": rng.expovariate(0.5),
    "beta": rng.betavariate(2, 3),
    "gamma": rng.gammavariate(2, 1),
    "triangular": rng.triangular(0, 10, 3),
    "lognormal": rng.lognormvariate(0, 0.25),
    "vonmises": rng.vonmisesvariate(0, 4),
    "pareto": rng.paretovariate(3),
    "weibull": rng.weibullvariate(1, 1.5),
}
for name, value in draws.items():
    print(f"{name:<11}{value:.12f}")
state = rng.getstate()
first = [rng.random() for _ in range(3)]
rng.setstate(state)
print(
    first == [rng.random() for _ in range(3)],
    random.Random(7).random() == random.Random(7).random(),
    random.Random(b"bytes").randint(0, 999),
)


def estimate_pi(points, rng):
    inside = sum(rng.random() ** 2 + rng.random() ** 2 <= 1 for _ in range(points))
    return 4 * inside / points


def reservoir(stream, k, rng):
    kept = []
    for n, item in enumerate(stream):
        if n < k:
            kept.append(item)
        elif (place := rng.randrange(n + 1)) < k:
            kept[place] = item
    return kept


print(
    estimate_pi(5000, random.Random(1)),
    reservoir(range(500), 4, random.Random(2)),
    random.Random(3).sample(["a", "b", "c"], counts=[3, 1, 2], k=4),
)
unseeded = random.Random()
print(
    0 <= unseeded.random() < 1, len({random.Random().random() for _ in range(50)}), random.SystemRandom().randint(3, 3)
)
try:
    random.choice([])
except IndexError as error:
    print(type(error).__name__)
