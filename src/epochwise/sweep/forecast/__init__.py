"""What a sweep would run and cost, told before it runs, and compared with what it took.

shape      what decides how long a step takes: runs alike in it are timed once
timing     what the parts of a training take on this machine, kept
stopwatch  these parts, timed one by one, in a worker
measure    the same for a whole plan, on all slots at once
workload   what a trunk is made of, counted
estimate   counts and timings: time, memory, room
foretell   a plan's trunks to what each will take
outlook    all that `epochwise plan` tells
outline    as people read it
scripts    as scripts for other machines
reckoning  what was foretold and what it came to, in study.json
presence   whether a model is on this disk: a plan downloads nothing
"""
