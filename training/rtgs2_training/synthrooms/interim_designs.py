"""Designs that the catalogue's table does not list yet."""

from .catalogue import DESIGNS as LISTED
from .catalogue import bathroom, bookshelves, cabinets, counters, curtains, pictures, refrigerators

DESIGNS = {
    "wardrobe": (cabinets.wardrobe, cabinets.sliding_wardrobe, cabinets.armoire),
    "cabinet": (cabinets.glass_cabinet, cabinets.tall_cupboard),
    "sideboard": (cabinets.sideboard,),
    "chest of drawers": (cabinets.chest_of_drawers,),
    "nightstand": (cabinets.nightstand,),
    "tv bench": (cabinets.tv_bench,),
    "wall cabinet": (cabinets.wall_cabinet,),
    "bathroom cabinet": (cabinets.bathroom_cabinet,),
    "dresser": (cabinets.dresser,),
    "bookshelf": (
        bookshelves.bookcase,
        bookshelves.cube_shelf,
        bookshelves.ladder_shelf,
        bookshelves.steel_shelf,
        bookshelves.corner_steps,
        bookshelves.wall_shelves,
        bookshelves.revolving_bookcase,
    ),
    "picture": (
        pictures.large_picture,
        pictures.small_picture,
        pictures.poster,
        pictures.picture_row,
        pictures.gallery,
    ),
    "mirror": (pictures.wall_mirror,),
    "toilet": (
        bathroom.close_coupled_toilet,
        bathroom.wall_hung_toilet,
        bathroom.high_cistern_toilet,
        bathroom.low_cistern_toilet,
    ),
    "sink": (bathroom.pedestal_sink, bathroom.wall_hung_sink, bathroom.vanity_sink, bathroom.console_sink),
    "bathtub": (
        bathroom.built_in_bathtub,
        bathroom.clawfoot_bathtub,
        bathroom.freestanding_bathtub,
        bathroom.corner_bathtub,
    ),
    "counter": (counters.base_counter, counters.open_counter),
    "kitchen sink": (counters.sink_counter, counters.butler_sink),
    "stove": (counters.hob_counter, counters.cooker),
    "kitchen island": (counters.island, counters.bar_counter),
    "refrigerator": (
        refrigerators.combined_refrigerator,
        refrigerators.single_refrigerator,
        refrigerators.side_by_side,
        refrigerators.retro_refrigerator,
        refrigerators.built_in_refrigerator,
    ),
    "curtain": (
        curtains.single_drape,
        curtains.drawn_curtain,
        curtains.open_pair,
        curtains.veil,
        curtains.roller_blind,
        curtains.roman_blind,
        curtains.slatted_blind,
    ),
    "shower curtain": (curtains.shower_curtain, curtains.gathered_shower_curtain),
    "shower": (curtains.corner_shower_curtain, curtains.tray_shower_curtain),
    **LISTED,
}
