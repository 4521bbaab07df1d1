"""A study, from checked configs to a report that its runs have earned.

study       all of it, on one screen
plan        what to train: duplicates merged, runs that share steps on trunks
axes        what differs between runs, and what they share
folder      the folder it works in, one command at a time
reuse       runs that another study has done
forecast    what it would take, told before and compared after
ledger      the state of each run, through kills and power loss (ledger_file, ledger_place)
supervisor  claims trunks, hands them to an executor, settles what became of them
executors   local; on_ray (ray_cluster); on_slurm (slurm_queue, slurm_job); cluster: what both need
worker      one trunk after the other, wherever; peers, where a run takes several devices
slots       accelerators, or shares of the cores
screen      what a person sees meanwhile; status, from another terminal
follower    the process in which W&B follows
"""
