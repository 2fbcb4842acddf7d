"""The statistics module: averages, spread, quantiles, normal distributions and regression."""

import statistics as st
from fractions import Fraction

data = [2.5, 3.25, 5.5, 11.5, 11.75, 3.25, 7.0, 9.125]
print(st.mean(data), st.fmean(data), st.median(data), st.median_low(data), st.median_high(data), st.mode(data))
print(f"{st.stdev(data):.6f} {st.pstdev(data):.6f} {st.variance(data):.6f} {st.pvariance([1, 2, 3, 4])}")
print(st.quantiles(data, n=4), [round(q, 4) for q in st.quantiles(range(1, 101), n=10, method="inclusive")])
print(
    st.multimode("aabbcd"),
    f"{st.geometric_mean([54, 24, 36]):.4f}",
    st.harmonic_mean([40, 60]),
    st.mean([Fraction(1, 3), Fraction(1, 6)]),
)
print(st.fmean([85, 92, 83, 91], weights=[0.2, 0.2, 0.3, 0.3]), st.median_grouped([1, 2, 2, 3, 4, 4, 4, 4, 4, 5]))
heights = st.NormalDist(mu=170, sigma=8)
print(f"{heights.cdf(180):.6f} {heights.pdf(170):.6f} {heights.inv_cdf(0.95):.4f}")
print(f"{heights.zscore(186)} {heights.overlap(st.NormalDist(175, 8)):.5f}")
print(heights + st.NormalDist(2, 6), heights * 2 - 40, st.NormalDist.from_samples([1, 2, 3, 4]).mean)
x, y = [1, 2, 3, 4, 5, 6], [2.1, 3.9, 6.2, 7.8, 10.1, 12.2]
slope, intercept = st.linear_regression(x, y)
print(f"y = {slope:.4f} x + {intercept:.4f}, r = {st.correlation(x, y):.6f}, cov = {st.covariance(x, y):.4f}")


def outliers(values, factor=1.5):
    low, _, high = st.quantiles(values, n=4)
    reach = factor * (high - low)
    return [v for v in values if not low - reach <= v <= high + reach]


print(outliers([10, 12, 11, 13, 12, 11, 95, 12, -40]))
for wrong in (lambda: st.mean([]), lambda: st.stdev([1]), lambda: st.harmonic_mean([-1, 2])):
    try:
        wrong()
    except st.StatisticsError as error:
        print(type(error).__name__, isinstance(error, ValueError))
bins = [0] * 5
for value in data:
    bins[min(int(value // 2.5), 4)] += 1
for n, count in enumerate(bins):
    print(f"{n * 2.5:>5.1f} {'*' * count}")
