from typing import Any

from flask.views import MethodView

from app.core.api import Blueprint
from app.core.flask_app import actor, work
from app.usage import service
from app.usage.schemas import MyUsageOut

blp = Blueprint("usage", __name__, description="What one uses of all that has a limit.")


@blp.route("/auth/me/usage")
class MyUsage(MethodView):
    @blp.response(200, MyUsageOut)
    @blp.doc(operationId="getMyUsage")
    def get(self) -> Any:
        """How much one uses of what has a limit, and the limits

        Meetings count for their owner. What has no limit here has `limit: null`; beside these there may be limits on
        all users together, which nobody is shown.
        """
        return service.of_user(work(), actor().user_id)
