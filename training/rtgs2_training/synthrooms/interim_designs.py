"""Designs that the catalogue's table does not list yet."""

from .catalogue import DESIGNS as LISTED
from .catalogue import bathroom, bookshelves, cabinets, pictures

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
    **LISTED,
}
