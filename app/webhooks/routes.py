from typing import Any

from flask.views import MethodView

from app.core import errors
from app.core.api import Blueprint
from app.core.flask_app import actor, work
from app.core.pagination import PageQuery, page_of
from app.webhooks import service
from app.webhooks.schemas import (
    DeliveriesQuery,
    DeliveryOut,
    NewWebhook,
    WebhookIn,
    WebhookOut,
    WebhookPatch,
)

blp = Blueprint("webhooks", __name__, description="Events of one's meetings, sent to addresses of one's own.")


@blp.route("/webhooks")
class Webhooks(MethodView):
    @blp.arguments(WebhookIn)
    @blp.response(201, NewWebhook)
    @blp.problems(errors.TooManyWebhooks, errors.TooManyRequests)
    @blp.told_once
    @blp.doc(operationId="createWebhook")
    def post(self, data: dict[str, Any]) -> Any:
        """Have events sent to an address of yours

        Of the meetings that you host, and those about yourself; from now on, each as `GET /events` shows it. They are
        signed by Standard Webhooks (https://www.standardwebhooks.com) with the `secret` that this answer tells, once.
        See docs/webhooks.md.
        """
        return service.create(work(), actor(), **data), 201

    @blp.arguments(PageQuery, location="query")
    @blp.response(200, page_of(WebhookOut))
    @blp.doc(operationId="listWebhooks")
    def get(self, query: dict[str, Any]) -> Any:
        """List one's webhooks, the newest first"""
        return service.page(work(), actor(), **query)


@blp.route("/webhooks/<id:webhook_id>")
class WebhookById(MethodView):
    @blp.response(200, WebhookOut)
    @blp.doc(operationId="getWebhook")
    def get(self, webhook_id: str) -> Any:
        """Read a webhook: whether it is paused, and how much waits"""
        return service.show(work(), service.get(work(), webhook_id))

    @blp.arguments(WebhookPatch)
    @blp.response(200, WebhookOut)
    @blp.doc(operationId="updateWebhook")
    def patch(self, data: dict[str, Any], webhook_id: str) -> Any:
        """Change its address, its events or its description

        Other `names` count for what happens from now on. What waits already goes to the new address.
        """
        return service.change(work(), service.get(work(), webhook_id), **data)

    @blp.response(204)
    @blp.doc(operationId="deleteWebhook")
    def delete(self, webhook_id: str) -> None:
        """Delete a webhook with its log and all that waits"""
        service.remove(work(), [service.get(work(), webhook_id).id])


@blp.route("/webhooks/<id:webhook_id>/secret/rotate")
class RotateSecret(MethodView):
    @blp.response(200, NewWebhook)
    @blp.told_once
    @blp.doc(operationId="rotateWebhookSecret")
    def post(self, webhook_id: str) -> Any:
        """Give it a new secret, told now and never again

        For a day the one before signs too: `webhook-signature` has both, so that the other side can change over.
        """
        return service.rotate(work(), service.get(work(), webhook_id))


@blp.route("/webhooks/<id:webhook_id>/resume")
class Resume(MethodView):
    @blp.response(200, WebhookOut)
    @blp.problems(errors.TooManyRequests)
    @blp.doc(operationId="resumeWebhook")
    def post(self, webhook_id: str) -> Any:
        """Send again, beginning with what was kept

        A webhook that is not paused has what waits sent at once.
        """
        return service.resume(work(), service.get(work(), webhook_id))


@blp.route("/webhooks/<id:webhook_id>/test")
class TestFire(MethodView):
    @blp.response(202, DeliveryOut)
    @blp.problems(errors.TooManyRequests)
    @blp.doc(operationId="testWebhook")
    def post(self, webhook_id: str) -> Any:
        """Have something sent that is no event, `webhook.test`

        Once, within a second or two, and also while it is paused: `GET` the delivery to see what was answered.
        """
        return service.test(work(), service.get(work(), webhook_id)), 202


@blp.route("/webhooks/<id:webhook_id>/deliveries")
class Deliveries(MethodView):
    @blp.arguments(DeliveriesQuery, location="query")
    @blp.response(200, page_of(DeliveryOut))
    @blp.doc(operationId="listWebhookDeliveries")
    def get(self, query: dict[str, Any], webhook_id: str) -> Any:
        """List what was sent, or waits, the newest first

        Deliveries are kept for WEBHOOK_LOG_DAYS.
        """
        return service.deliveries(work(), service.get(work(), webhook_id), **query)


@blp.route("/webhooks/<id:webhook_id>/deliveries/<id:delivery_id>")
class DeliveryById(MethodView):
    @blp.response(200, DeliveryOut)
    @blp.doc(operationId="getWebhookDelivery")
    def get(self, webhook_id: str, delivery_id: str) -> Any:
        """Read a delivery: each attempt, and how its answer began"""
        return service.show_delivery(service.get_delivery(work(), service.get(work(), webhook_id), delivery_id))


@blp.route("/webhooks/<id:webhook_id>/deliveries/<id:delivery_id>/replay")
class Replay(MethodView):
    @blp.response(202, DeliveryOut)
    @blp.problems(errors.WebhookPaused, errors.TooManyRequests)
    @blp.doc(operationId="replayWebhookDelivery")
    def post(self, webhook_id: str, delivery_id: str) -> Any:
        """Send an event once more

        As a delivery of its own, under the same `webhook-id`, out of turn. One that still waits is tried at once
        instead.
        """
        return service.replay(work(), service.get(work(), webhook_id), delivery_id), 202
