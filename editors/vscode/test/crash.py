# %% Crash
1
