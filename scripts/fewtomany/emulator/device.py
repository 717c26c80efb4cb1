"""The device of one rank: a GPU of its own or a few threads, and TensorFlow quiet."""

import contextlib
import logging
import os
import subprocess
from collections.abc import Iterator

from fewtomany import late
from fewtomany.errors import UserError
from fewtomany.files import compiled, provenance

logger = logging.getLogger(__name__)

DEVICES = ("cpu", "gpu")
CHATTER = (
    "^WARNING: All log messages before absl::InitializeLog",
    "^I[0-9]{4} ",  # absl's lines of severity "information"
    "^[0-9-]{10} [0-9:.]+: I ",  # the same as TensorFlow writes them
    "^To enable the following instructions:",
)
"""Extended regular expressions of the lines that TensorFlow writes at every start."""

THREAD_VARIABLES = ("OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK")
ONE_THREAD_FLAGS = (
    "--xla_cpu_multi_thread_eigen=false",
    # order the operations for small memory, not for concurrency: a fifth faster on one thread
    "--xla_cpu_enable_concurrency_optimized_scheduler=false",
    # compile by the older emitters: a program as fast, in a third less memory and time
    "--xla_cpu_use_fusion_emitters=false",
    # compile a program in one piece, not in 32 for as many threads: an eighth less time
    "--xla_cpu_parallel_codegen_split_count=1",
)


def configure(device: str = "cpu", local_rank: int = 0) -> str:
    """Set TensorFlow's device before its first use; return the device's name.

    Where TensorFlow has been used before, its threads stay as they are, with a warning.

    On "cpu" one thread unless OMP_NUM_THREADS (which Snakemake sets to a rule's threads) or
    SLURM says otherwise: on small maps several ranks of one thread beat one rank of several.
    On "gpu" the ranks of a node share out the GPUs that are visible to them
    (CUDA_VISIBLE_DEVICES, which SLURM sets), and take memory as they need it.

    Raises
    ------
    UserError : on "gpu" when none is visible; there is no silent fallback
    """
    threads = _threads()
    if device == "gpu":
        narrow(local_rank)
    else:
        set_flags()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

    with quiet():
        tf = late.load("tensorflow")

    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:  # it has computed already, with other threads, and keeps them
        logger.warning("TensorFlow has started before: its threads stay as they are")
    gpus = tf.config.list_physical_devices("GPU")
    if device == "cpu":
        tf.config.set_visible_devices([], "GPU")
        return f"cpu, {provenance.processor()}"
    if not gpus:
        raise UserError(
            "--device gpu: TensorFlow sees no GPU (CUDA_VISIBLE_DEVICES is "
            f"{os.environ.get('CUDA_VISIBLE_DEVICES', 'not set')}); "
            "--device cpu runs on the processor"
        )
    mine = gpus[local_rank % len(gpus)]
    tf.config.set_visible_devices([mine], "GPU")
    tf.config.experimental.set_memory_growth(mine, True)
    name = tf.config.experimental.get_device_details(mine).get("device_name", "GPU")
    return f"gpu, {name}"


def _threads() -> int:
    return next((int(os.environ[name]) for name in THREAD_VARIABLES if os.environ.get(name)), 1)


def set_flags() -> None:
    """Set what TensorFlow reads from the environment, once, before its first program."""
    flags = os.environ.get("XLA_FLAGS", "")
    if _threads() == 1 and ONE_THREAD_FLAGS[0] not in flags.split():
        os.environ["XLA_FLAGS"] = " ".join([*ONE_THREAD_FLAGS, flags])
    keep_compiled()


def keep_compiled() -> None:
    """Let TensorFlow keep what it compiles, and load what an earlier process compiled.

    A program is found by its inputs' shapes and a digest of it, and compared whole before it is
    used. What TensorFlow's key leaves out is in the name of the folder: versions, processor and
    flags. It writes a file under another name and renames it, so jobs may share the folder.
    """
    folder = compiled.folder(os.environ.get("XLA_FLAGS"))
    if folder is None:
        return
    if len(str(folder).split()) > 1:  # flags are divided at blanks
        logger.warning("%s: TensorFlow keeps no programs where there are blanks", folder)
        return
    flag = f"--tf_xla_persistent_cache_directory={folder}"
    flags = os.environ.get("TF_XLA_FLAGS", "")
    if flag not in flags.split():
        os.environ["TF_XLA_FLAGS"] = " ".join([flag, flags])
    # It calls it an error that the file is no text, and that the host has no "prefer-no-scatter",
    # which is a preference. Real errors are raised.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep CHATTER out of the standard error of this process, and nothing else.

    Some lines are written at import whatever TF_CPP_MIN_LOG_LEVEL says, by C++, before any
    setting of Python reaches it. So the file descriptor itself goes through grep meanwhile.
    A filter in a process of its own lets through what is written before a crash as well.
    """
    kept = os.dup(2)
    words = [word for pattern in CHATTER for word in ("-e", pattern)]
    try:
        grep = subprocess.Popen(
            ["grep", "--line-buffered", "-a", "-E", "-v", *words],
            stdin=subprocess.PIPE,
            stdout=kept,
            env={**os.environ, "LC_ALL": "C"},  # any byte is a character
        )
    except OSError as error:  # no grep: chatter is better than no start
        logger.warning("grep: %s", error)
        os.close(kept)
        yield
        return
    try:
        os.dup2(grep.stdin.fileno(), 2)
        grep.stdin.close()
        yield
    finally:
        os.dup2(kept, 2)  # closes the last end of the pipe, so that grep ends
        os.close(kept)
        grep.wait()


def free_memory() -> int | None:
    """Free memory (bytes) of this rank's GPU, by the driver's own tool; None without an answer."""
    import tensorflow as tf

    (mine,) = tf.config.get_visible_devices("GPU")
    number = os.environ.get("CUDA_VISIBLE_DEVICES") or mine.name.rpartition(":")[2]
    ask = ["nvidia-smi", f"--id={number}", "--query-gpu=memory.free"]
    try:
        done = subprocess.run(
            [*ask, "--format=csv,noheader,nounits"], capture_output=True, text=True, timeout=60
        )
        return int(done.stdout) * 2**20
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        logger.warning("nvidia-smi: %s", error)
        return None


def narrow(local_rank: int) -> None:
    """Leave one of the GPUs that CUDA_VISIBLE_DEVICES lists, so that no other is touched.

    Where the scheduler gives each rank its own, the list has one entry and stays; where it is
    not set, all GPUs stay visible.
    """
    listed = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    if listed:
        os.environ["CUDA_VISIBLE_DEVICES"] = listed[local_rank % len(listed)]
