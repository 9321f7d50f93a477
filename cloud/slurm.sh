#!/usr/bin/env bash
# One run on one GPU of a Slurm cluster. Pre-empted or out of time it waits in the queue again, and goes
# on where it was. In the project's folder, on a disk that the nodes share:
#   RUN=runs/cbis CONFIG=configs/cbis_ddsm.yaml sbatch cloud/slurm.sh
#   RUN=runs/cbis sbatch cloud/slurm.sh heatmap evaluate
#SBATCH --job-name=mammo
#SBATCH --gres=gpu:1
#SBATCH --cpus-per-task=8
#SBATCH --mem=24G
#SBATCH --time=12:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@120
set -euo pipefail
cd "${SLURM_SUBMIT_DIR:?submit this script: sbatch cloud/slurm.sh}"
if [ $# = 0 ]; then set -- train heatmap evaluate; fi

# Two minutes before its time is up the step is ended, which keeps its checkpoint. That is told from
# scancel, after which nothing is queued again. After a pre-emption Slurm itself queues the job again.
time_is_up='' status=0
trap 'time_is_up=1; [ -z "${!:-}" ] || kill -TERM "$!"' USR1
srun make "$@" & step=$!
wait "$step" || status=$?
if [ "$time_is_up" ]; then
  status=0
  wait "$step" || status=$?  # the signal ended the first one
  if [ "$status" != 0 ]; then exec scontrol requeue "$SLURM_JOB_ID"; fi
fi
exit "$status"
