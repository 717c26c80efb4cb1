"""TensorFlow's threads are set before its first use, as the programs do: whatever test is first."""

from fewtomany.emulator import device

device.configure()
