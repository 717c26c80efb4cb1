"""How maps are emulated."""

from typing import Annotated, Literal

from pydantic import Field

from fewtomany.config.sections.base import ABSENT, AS_WRITTEN, Count, NotNegative, Section

OF_DESCENT = "of the descent"
"""Marks a key that the model does not follow from: its change makes batches again, no model."""


class Refinement(Section):
    """Emulate in two scales: the whole sphere at a coarser nside, by the keys above, then
    overlapping regions of the maps' own one after the other, around the coarse maps, which are
    kept. Memory is that of a region; needed above nside 128. See docs/scaling.md."""

    coarse: int
    """Nside of the coarse sphere, to which the inputs are averaged; maps.nside is at most
    2^(first_scale + n_scales - 1) times that."""
    regions: Literal[1, 2, 4, 8] = 1
    """The regions are the pixels of this nside, with a margin; 1 for twelve, 2 for 48 regions of a
    quarter of the memory."""
    n_steps: Annotated[Count, OF_DESCENT] = 30
    """L-BFGS steps of a region, each time its turn comes."""
    sweeps: Annotated[Count, OF_DESCENT] = 2
    """Turns of every region."""


class Emulator(Section):
    """The scattering-covariance model and its sampling."""

    n_scales: Count = 4
    """Dyadic scales J of the wavelets; scale j lives at nside / 2^j, j = first_scale ...
    first_scale + J - 1."""
    first_scale: Annotated[int, Field(ge=0)] = 0
    """The finest scale j of the wavelets; 0 for that of the pixels."""
    n_orientations: Count = 4
    """Orientations R of the wavelets."""
    kernel_size: Literal[3, 5] = 3
    """Pixels across a wavelet's kernel. 3: a pixel and its neighbours; 5: their neighbours too, at
    nearly three times the cost."""
    orientation: Literal["joint", "separate", "none"] = "joint"
    """Wavelets oriented along the primary direction of the inputs at each pixel and scale. joint:
    one direction for all Stokes components; separate: one each, and one for the cross statistics;
    none: along the meridian."""
    spectra: bool = True
    """Constrain the EE, BB and EB spectra besides the scattering covariances."""
    stripe_zones: Literal[0, 1, 2, 4, 8] = 2
    """Constrain the correlations of Q and U along the stripes of the inputs too, out to 2^n_scales
    pixels, averaged over zones of the sky: the pixels of a map of this nside. More zones follow the
    scan more closely and average less noise of few inputs. 0: not constrained, as in the paper."""
    scatter: bool = False
    """Constrain also the variance within a batch of each multipole of the spectra: to that of the
    inputs (average-target) or to zero (single-target, where the targets scatter). Not in the
    paper."""
    l1: Literal["moduli", "root"] = "moduli"
    """The L1 norm of a spectrum. moduli: the sum of |a_lm| of the paper's equation; root: the
    square root of the L2 norm, with its sign, as in the published code."""
    normalization: Literal["pixel", "global"] = "pixel"
    """What the maps are divided by, and have their mean taken off by. pixel: mean and standard
    deviation of every pixel over the inputs, as in the paper; global: one mean and one deviation
    per component, over pixels and inputs, for fields that are alike everywhere. With global a plane
    or a line needs no more than one input map; with fewer than 10, the scatter in the loss is that
    of Gaussian fields of the same spectrum."""
    mean: Literal["inputs", "zero"] = "inputs"
    """The map around which the maps are normalized. inputs: the mean of the inputs, as in the
    paper; every emulated map then carries the same mean of a few maps. zero: none, for effects that
    are known to vanish on average, as gain changes do."""
    variances: Literal["inputs", "smoothed"] = "smoothed"
    """Pixel variances that normalize the maps. inputs: those of the inputs, as in the paper;
    smoothed: their logarithm smoothed in the frame of the scan, or alike in all directions without
    symmetry.axis, as strongly as held-out inputs like best."""
    start: Literal["white", "isotropic", "turned"] = "turned"
    """Where a batch starts; what the statistics do not constrain is kept from there. white: white
    noise, as in the paper; isotropic: Gaussian maps with the inputs' spectra; turned: Gaussian
    draws of the best covariance without emulation."""
    ddof: Literal[0, 1] = 0
    """Delta degrees of freedom of the pixelwise standard deviation that normalizes the maps around
    their mean; 0 in the paper."""
    batch_size: Annotated[Count, OF_DESCENT] = 10
    """Maps that descend together (m of the mean-field model)."""
    n_steps: Annotated[Count, OF_DESCENT] = 1000
    """L-BFGS steps per batch, at most."""
    tolerance: Annotated[float, Field(ge=0), AS_WRITTEN, OF_DESCENT] = 0
    """A batch also ends when its loss is at most this number times the terms of the loss over N,
    the number of inputs (1 of a single target): a mean of N inputs is known to 1/N in every term.
    Below 1 a batch is nearer to its target than N inputs know it; 0 for all steps."""
    dtype: Literal["float32", "float64"] = "float32"
    """Floating-point type of the descent."""
    refinement: Refinement = ABSENT

    @property
    def learns(self) -> bool:
        """Whether the best covariance without emulation enters the model."""
        if self.refinement is not None:
            return False
        return self.start == "turned" or self.variances == "smoothed"


class SymmetrySettings(Section):
    """What maps of this scan have in common when they are turned about its axis. From it and the
    inputs follows the best covariance without emulation: weights of the inputs, turned inputs and
    independent pixels that make held-out inputs likeliest; without an axis of isotropic maps,
    inputs turned a little about any axis and regressions on neighbours, too."""

    axis: Literal["none", "galactic", "ecliptic", "equatorial"] = "none"
    """The scan's axis: ecliptic for a satellite that spins about the anti-solar direction,
    equatorial for scans of constant elevation; none for no such symmetry. Best the pole of
    maps.frame; maps of another frame are rotated there and back, which loses what is finer than
    their pixels. On a part of the sky turned inputs are known only at pixels that come from inside
    the observed part."""
    width_deg: NotNegative | None = None
    """Standard deviation of the turns in longitude (degrees); null: width, reflections and
    coherence are chosen by the likelihood of held-out inputs (of a part of the sky the width)."""
    signal: Literal["none", "dipole"] = "dipole"
    """What the systematic may be proportional to. What multiplies the solar dipole, as gains do,
    has its sign, which does not turn with the scan. With dipole, turns that take this sign off are
    tried beside those that do not, and held-out inputs weigh them; on the whole sphere alone."""
