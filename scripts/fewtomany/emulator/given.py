"""Channels of an emulated dataset that are given, as maps of another dataset."""

from collections.abc import Sequence

from fewtomany.emulator.descent import Given
from fewtomany.emulator.model import ScatteringModel
from fewtomany.errors import UserError
from fewtomany.files.store import MapSet
from fewtomany.maps.components import Components


def places_of(components: Components, channels: Sequence[str]) -> tuple[int, ...]:
    """Places of the components of some channels, channel by channel in the order given."""
    every = range(len(components))
    return tuple(place for channel in channels for place in every[components.select(channel)])


def kept(maps: MapSet, channels: Sequence[str], model: ScatteringModel) -> Given:
    """The maps that a sampler of the model keeps as they are.

    Parameters
    ----------
    maps : maps whose channels are given, in the unit of the model's inputs; they may lack the
        channels that are emulated
    channels : the channels that are given

    Raises
    ------
    UserError : where the maps have other pixels than the inputs
    """
    if maps.sky != model.sky:
        raise UserError(
            f"{maps.dataset}: {maps.sky.n_pix} observed pixels at nside {maps.nside} are not "
            f"allowed; expected the {model.sky.n_pix} of the inputs at nside {model.sky.nside}, "
            "as maps.mask gives both the same"
        )
    chosen = maps.maps[:, list(places_of(maps.components, channels))]
    return Given(places_of(model.components, channels), chosen)
