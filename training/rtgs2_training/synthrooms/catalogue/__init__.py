"""The furniture catalogue: parametric designs of every kind of piece that stands, hangs or lies in a home.

A design takes a generator and returns a :class:`~rtgs2_training.synthrooms.piece.Piece`. Every size, proportion,
material and colour is drawn, so two calls give two pieces; the same state of the generator gives the same piece.

What belongs to what: duvets, pillows and thrown cushions are part of the bed, sofa or chair they lie on, and books and
ornaments of the bookshelf they fill. What stands loose on a table, desk, counter or cupboard, and every lamp, plant,
screen, bag, bin, step stool, ironing board and lone cushion, is "other object". What one sits on is a chair, with a
back or without; a pouffe is other furniture. A worktop is counter, the units below it are cabinet, the basin in it is
sink, the oven under it other furniture, the tiles behind it are wall. A trolley is a table, a chest for blankets a
cabinet, a mirror other object, a rug floor, a shower tray other furniture.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from ..piece import Piece
from . import (
    appliances,
    bathtubs,
    beds,
    bookshelves,
    cabinets,
    chairs,
    clothes,
    counters,
    curtains,
    desks,
    easy_chairs,
    electronics,
    lamps,
    other_furniture,
    pictures,
    plants,
    refrigerators,
    sinks,
    sofas,
    tables,
    things,
    toilets,
)

Design = Callable[[np.random.Generator], Piece]

DESIGNS: Mapping[str, tuple[Design, ...]] = MappingProxyType(
    {
        "bed": (beds.divan, beds.wooden_bed, beds.metal_bed, beds.four_poster, beds.bunk_bed, beds.low_bed),
        "bench": (chairs.bench, chairs.padded_bench),
        "padded bench": (chairs.padded_bench,),
        "dining chair": (
            chairs.wooden_chair,
            chairs.wheelback_chair,
            chairs.upholstered_chair,
            chairs.shell_chair,
            chairs.cantilever_chair,
            chairs.folding_chair,
            easy_chairs.hoop_chair,
        ),
        "office chair": (chairs.office_chair,),
        "easy chair": (
            easy_chairs.armchair,
            easy_chairs.wing_chair,
            easy_chairs.tub_chair,
            easy_chairs.block_chair,
            easy_chairs.hoop_chair,
        ),
        "bar stool": (chairs.bar_stool,),
        "sofa": (
            sofas.cushioned_sofa,
            sofas.corner_sofa,
            sofas.chesterfield,
            sofas.futon,
            sofas.modules,
            sofas.framed_sofa,
            sofas.lounge_sofa,
            sofas.lounge_sofa,
            sofas.curved_sofa,
        ),
        "dining table": (tables.dining_table, tables.round_table, tables.trestle_table),
        "coffee table": (tables.coffee_table, tables.round_coffee_table, tables.disc_table),
        "side table": (tables.side_table, tables.trolley, tables.drum_table),
        "console table": (tables.console_table,),
        "desk": (
            desks.pedestal_desk,
            desks.plain_desk,
            desks.corner_desk,
            desks.secretary,
            desks.desk_with_hutch,
            desks.kneehole_bureau,
        ),
        "wardrobe": (cabinets.wardrobe, cabinets.sliding_wardrobe, cabinets.armoire),
        "cabinet": (cabinets.tall_cupboard, cabinets.glass_cabinet, cabinets.armoire, cabinets.chest_of_drawers),
        "sideboard": (cabinets.sideboard,),
        "chest of drawers": (cabinets.chest_of_drawers,),
        "blanket chest": (cabinets.blanket_chest,),
        "nightstand": (cabinets.nightstand,),
        "tv bench": (cabinets.tv_bench,),
        "dresser": (cabinets.dresser,),
        "wall cabinet": (cabinets.wall_cabinet,),
        "bathroom cabinet": (cabinets.bathroom_cabinet,),
        "bookshelf": (
            bookshelves.bookcase,
            bookshelves.bookcase,
            bookshelves.cube_shelf,
            bookshelves.ladder_shelf,
            bookshelves.steel_shelf,
            bookshelves.stepped_shelf,
            bookshelves.wall_shelves,
            bookshelves.revolving_bookcase,
        ),
        "picture": (
            pictures.large_picture,
            pictures.large_picture,
            pictures.small_picture,
            pictures.poster,
            pictures.picture_row,
            pictures.gallery,
        ),
        "mirror": (pictures.wall_mirror,),
        "clock": (things.wall_clock,),
        "wall television": (electronics.wall_television,),
        "counter": (counters.base_counter,),
        "kitchen sink": (counters.sink_counter, counters.butler_sink),
        "kitchen island": (counters.island, counters.bar_counter),
        "stove": (counters.cooker, counters.hob_counter),
        "refrigerator": (
            refrigerators.combined_refrigerator,
            refrigerators.single_refrigerator,
            refrigerators.side_by_side,
            refrigerators.retro_refrigerator,
        ),
        "curtain": (
            curtains.single_drape,
            curtains.single_drape,
            curtains.drawn_curtain,
            curtains.open_pair,
            curtains.veil,
            curtains.roller_blind,
            curtains.roman_blind,
            curtains.slatted_blind,
        ),
        # The first kind hangs over a bathtub, the other one comes with its own tray.
        "shower curtain": (curtains.shower_curtain, curtains.shower_curtain, curtains.gathered_shower_curtain),
        "shower": (curtains.corner_shower_curtain, curtains.tray_shower_curtain),
        "toilet": (
            toilets.close_coupled_toilet,
            toilets.close_coupled_toilet,
            toilets.wall_hung_toilet,
            toilets.wall_hung_toilet,
            toilets.high_cistern_toilet,
            toilets.low_cistern_toilet,
        ),
        "sink": (sinks.pedestal_sink, sinks.wall_hung_sink, sinks.vanity_sink, sinks.console_sink),
        "bathtub": (
            bathtubs.built_in_bathtub,
            bathtubs.clawfoot_bathtub,
            bathtubs.freestanding_bathtub,
            bathtubs.corner_bathtub,
        ),
        "otherfurniture": (
            other_furniture.ottoman,
            appliances.radiator,
            other_furniture.upright_piano,
            appliances.fireplace,
            appliances.stove,
            clothes.shoe_rack,
            clothes.coat_stand,
            clothes.dressing_screen,
            clothes.clothes_rail,
            other_furniture.grandfather_clock,
            clothes.laundry_basket,
        ),
        "radiator": (appliances.radiator,),
        "laundry basket": (clothes.laundry_basket,),
        "washing machine": (appliances.washing_machine,),
        "floor lamp": (lamps.standard_lamp, lamps.arc_lamp, lamps.tripod_lamp),
        "ceiling lamp": (lamps.dome_pendant, lamps.globe_pendant, lamps.ceiling_dome, lamps.spotlights),
        "floor plant": (plants.rubber_plant, plants.palm, plants.snake_plant, plants.little_tree),
        "rug": (things.rectangular_rug, things.rectangular_rug, things.round_rug, things.bath_mat),
        "clutter": (*things.ON_THE_FLOOR, things.boxes, things.floor_cushion),
    }
)
