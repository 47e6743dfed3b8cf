"""``/api/plugin/example/``: list items, read one, add one."""

from __future__ import annotations

from flask import Blueprint, Response, request
from sqlalchemy.exc import IntegrityError

from deploystack.plugins import (
    ApiError,
    Documented,
    db,
    json_response,
    read_json,
    require_same_origin,
)

from .models import Item
from .schemas import ItemSchema, ItemsSchema

blueprint = Blueprint("example", __name__)

_item = ItemSchema()


@blueprint.get("/items")
@Documented({200: ItemsSchema})
def index() -> Response:
    """Return all items, oldest first."""
    items = db.session.scalars(db.select(Item).order_by(Item.id))
    return json_response({"items": _item.dump(items, many=True)})


@blueprint.get("/items/<int(max=2147483647):item_id>")
@Documented({200: ItemSchema}, errors={404: ["item_not_found"]})
def read(item_id: int) -> Response:
    """Return one item."""
    item = db.session.get(Item, item_id)
    if item is None:
        raise ApiError(404, "item_not_found", "There is no such item. List them to see all.")
    return json_response(_item.dump(item))


@blueprint.post("/items")
@Documented({201: ItemSchema}, body=ItemSchema, errors={409: ["item_exists"]})
def add() -> Response:
    """Add an item."""
    require_same_origin(request)
    item = Item(**read_json(request, _item))
    db.session.add(item)
    try:
        db.session.commit()
    except IntegrityError:
        raise ApiError(
            409, "item_exists", "There is an item of this name. Choose another name."
        ) from None
    return json_response(_item.dump(item), 201)
