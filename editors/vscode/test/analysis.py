# %% Load
values = [3, 5, 8, 13, 21, 34]
sum(values)

# %% Ask
# agent: which values are above ten?

# %% Show
from table import Table

Table(values)

# %% Watch
import time

for second in range(1000):
    print("tick", second, flush=True)
    time.sleep(0.2)

# %% Fail
def ratio(a, b):
    return a / b

ratio(1, 0)
