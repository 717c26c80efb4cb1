"""TensorFlow on one rank: how many threads, and quiet."""

import os

THREAD_VARIABLES = ("OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK")
ONE_THREAD_FLAGS = (
    "--xla_cpu_multi_thread_eigen=false",
    # order the operations for small memory, not for concurrency: a fifth faster on one thread
    "--xla_cpu_enable_concurrency_optimized_scheduler=false",
)


def configure() -> None:
    """Set TensorFlow's threads before its first use.

    One thread unless OMP_NUM_THREADS (which Snakemake sets to a rule's threads) or
    SLURM says otherwise: on small maps several ranks of one thread beat one rank of
    several.
    """
    threads = next((int(os.environ[name]) for name in THREAD_VARIABLES if os.environ.get(name)), 1)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if threads == 1:
        os.environ["XLA_FLAGS"] = " ".join([*ONE_THREAD_FLAGS, os.environ.get("XLA_FLAGS", "")])

    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
