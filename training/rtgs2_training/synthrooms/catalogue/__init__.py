"""The furniture catalogue: parametric designs of every kind of piece that stands, hangs or lies in a home.

A design takes a generator and returns a :class:`~rtgs2_training.synthrooms.piece.Piece`. Every size, proportion,
material and colour is drawn, so two calls give two pieces; the same state of the generator gives the same piece.

What belongs to what: duvets, pillows and thrown cushions are part of the bed, sofa or chair they lie on, and books of
the bookshelf they fill. What stands loose on a table, desk, counter or cupboard, and every lamp, plant, screen, bag
or bin, is "other object". Single easy chairs are chairs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from ..piece import Piece
from . import beds, chairs, lamps, plants, sofas, tables

Design = Callable[[np.random.Generator], Piece]

DESIGNS: Mapping[str, tuple[Design, ...]] = MappingProxyType(
    {
        "bed": (beds.divan, beds.wooden_bed, beds.metal_bed, beds.four_poster, beds.bunk_bed, beds.mattress_on_pallets),
        "dining chair": (
            chairs.wooden_chair,
            chairs.wheelback_chair,
            chairs.upholstered_chair,
            chairs.shell_chair,
            chairs.cantilever_chair,
            chairs.folding_chair,
        ),
        "office chair": (chairs.office_chair,),
        "easy chair": (chairs.armchair, chairs.wing_chair, chairs.tub_chair),
        "bar stool": (chairs.bar_stool,),
        "sofa": (
            sofas.cushioned_sofa,
            sofas.corner_sofa,
            sofas.chesterfield,
            sofas.futon,
            sofas.modules,
            sofas.framed_sofa,
        ),
        "dining table": (tables.dining_table, tables.round_table, tables.trestle_table),
        "coffee table": (tables.coffee_table, tables.round_coffee_table),
        "side table": (tables.side_table,),
        "console table": (tables.console_table,),
        "floor lamp": (lamps.standard_lamp, lamps.arc_lamp, lamps.tripod_lamp),
        "ceiling lamp": (lamps.dome_pendant, lamps.globe_pendant, lamps.ceiling_dome, lamps.spotlights),
        "floor plant": (plants.rubber_plant, plants.palm, plants.snake_plant, plants.little_tree),
    }
)
