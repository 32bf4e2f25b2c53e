#!/bin/bash
# A study as a SLURM array: 32 workers, each on a node's share of its own, one study's folder.
#
#   sbatch experiments/cluster/slurm_array.sh experiments/studies/learning_rate_map.yaml
#
# The folder (results/NAME of the directory this is submitted from) must be on a file system that
# all nodes share. Workers come and go as they like: submitted again, or with more of them, the
# array goes on with what is missing; a cell whose worker is gone is taken over after a minute.

#SBATCH --job-name=gan-jax
#SBATCH --array=1-32
#SBATCH --cpus-per-task=4      # as many JAX devices: four chunks of a cell's seeds side by side
#SBATCH --mem=4G
#SBATCH --time=04:00:00
##SBATCH --gpus-per-task=1     # where cells are large
#SBATCH --signal=TERM@120      # two minutes before the end: save, give the cell back, leave
#SBATCH --output=gan-jax-%A-%a.log

set -eu
# srun passes the signal on, and binds the worker to its cores.
srun --cpus-per-task="$SLURM_CPUS_PER_TASK" gan-jax study "$1" --worker
