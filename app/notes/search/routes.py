from typing import Any

from flask.views import MethodView

from app.core.api import Blueprint
from app.core.flask_app import actor, work
from app.core.pagination import cursor_of, page_of, position_in
from app.notes.embedders.base import Embedder
from app.notes.search.finding import Wanted, find
from app.notes.search.schemas import FoundOut, SearchQuery

blp = Blueprint("search", __name__, description="Find what was said, noted and written.")


@blp.route("/search")
class Search(MethodView):
    @blp.arguments(SearchQuery, location="query")
    @blp.response(200, page_of(FoundOut))
    @blp.doc(operationId="search")
    def get(self, query: dict[str, Any]) -> Any:
        """Search transcripts, notes, chats and titles

        Of the meetings that you own or said yes to, and of the calls that you have sent, the best first. What was
        written is found a second or two later. One word of several is enough, and its beginning;
        what is spelt much like it is found too. A cursor goes on where the list stood when it was made.
        """
        limit, position = query.pop("limit"), position_in(query.pop("cursor"))
        question = work().driver(Embedder).embed_question(query["q"])
        found = find(work(), actor(), Wanted(**query), question, limit=limit, position=position)
        return {"items": found["items"], "next_cursor": cursor_of(found["next_position"])}
