"""The statistics that are measured on the maps of every dataset, and what follows of each.

A statistic is an entry of :data:`STATISTICS` and the module of its name in
``fewtomany.validation.measure``. From the entry follow its rule and what the rule's results depend
on, the memory and time of a job, the campaigns that have it, titles and ranges of its metrics, what
is said where one fails, and its figure. NumPy at most: the Snakefile loads this.
"""

from dataclasses import dataclass

from fewtomany.config.campaign import Campaign

SPECTRA = "spectra"
"""Measured of every map of every dataset, and kept map by map."""

WAVELETS = ("emulator.n_scales", "emulator.n_orientations", "emulator.kernel_size")
_WITHIN = "the mean within the scatter of one map"


@dataclass(frozen=True)
class Statistic:
    """What is said of a statistic where its numbers are not known.

    Attributes
    ----------
    title : of the figure
    metric : title of a metric "NAME:which", with {} for which
    fault : the sentence of a metric that fails, with {which}, {value} and {high}
    called : what "NAME:which" is called in a list of what fails
    version : of the numbers, raised whenever these change
    keys : of the configuration, which they follow from besides the pixels of the maps
    polarized : of maps of Q and U alone
    flat : of planes and lines, too
    few : of the first ``validation.minkowski_maps`` maps of a dataset alone
    unit : the standard deviations of the true covariance are its unit, or those of the inputs
    tensorflow : measured by TensorFlow
    residual : its metrics are largest |Δ|, in units of the scatter of one map, of which 1 is
        allowed; ranges of others are in ``validation.judge.ranges``
    source : of that range
    seconds : of a map, in units of those that one harmonic transform may take
    """

    title: str
    metric: str
    fault: str
    called: str = "{}"
    version: int = 1
    keys: tuple[str, ...] = ()
    polarized: bool = False
    flat: bool = True
    few: bool = False
    unit: bool = False
    tensorflow: bool = False
    residual: bool = True
    source: str = _WITHIN
    seconds: int = 10


STATISTICS = {
    "scattering": Statistic(
        title="Scattering coefficients",
        metric="largest |Δ| of the {} scattering coefficients",
        fault="{which} scattering coefficients are off by up to {value} of the scatter of one map",
        version=2,
        keys=WAVELETS,
        tensorflow=True,
        source=f"arXiv:2503.11643, Appendix C: {_WITHIN}",
    ),
    "minkowski": Statistic(
        title="Minkowski functionals",
        metric="largest |Δ| of the Minkowski functional {}",
        fault="the Minkowski functional {which} is off by up to {value} of the scatter of one map",
        keys=("validation.minkowski_maps",),
        polarized=True,
        flat=False,
        few=True,
        source=f"arXiv:2503.11643, Appendix C: {_WITHIN}",
        seconds=60,
    ),
    "distribution": Statistic(
        title="Distribution of pixel values",
        metric="KS distance of the pixel values of {}",
        fault="values of {which} are distributed otherwise (KS distance {value}, {high} allowed)",
        called="values of {}",
        unit=True,
        residual=False,
        seconds=1,
    ),
}
"""Every statistic of which moments are kept, by its name, in the order of the report."""

RESIDUALS = tuple(name for name, statistic in STATISTICS.items() if statistic.residual)
"""Those whose metrics are largest residuals."""


def n_measured(campaign: Campaign, name: str, n_maps: int) -> int:
    """Of so many first maps of a dataset those on which a statistic is measured."""
    few = name in STATISTICS and STATISTICS[name].few
    return min(n_maps, campaign.validation.minkowski_maps) if few else n_maps
