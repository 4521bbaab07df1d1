"""A command line becomes checked configs: places -> overrides -> grid -> check. No torch.

places      where conf/ and experiments/ are
overrides   key=value arguments, and what is wrong with each by itself
study       experiments/NAME.yaml, and what is wrong with it
assign      one value set as Hydra sets it
grid        every combination of the swept values, composed
words       pydantic's errors in plain words
clashes     settings that are fine alone and wrong together
machine     data and models that this machine does not have
check       all of it: configs, or every mistake at once
"""
