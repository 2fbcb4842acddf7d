# %% Load
rides = [12, 31, 8, 27, 19, 44]
sum(rides)

# %% Ask
# agent: which days had
#   more than 25 rides?

# %% Show
from table import Table

Table(rides)

# %% Clean
rides = [n for n in rides if n > 10]
len(rides)
