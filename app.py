"""The Chalice object and the registration of blueprints; no logic."""

import os

from chalice import Chalice

from chalicelib.lambdas.api import about
from chalicelib.lambdas.api.alerts import routes as alerts
from chalicelib.lambdas.api.cases import graph_routes
from chalicelib.lambdas.api.cases import routes as cases
from chalicelib.lambdas.api.contact import routes as contact
from chalicelib.lambdas.api.inbound import routes as inbound
from chalicelib.lambdas.api.issues import effect_routes
from chalicelib.lambdas.api.issues import routes as issues
from chalicelib.lambdas.api.outbound import routes as outbound
from chalicelib.lambdas.api.page import routes as page
from chalicelib.lambdas.api.reading import routes as reading
from chalicelib.lambdas.api.rehearsal import routes as rehearsal
from chalicelib.lambdas.api.reports import routes as reports
from chalicelib.lambdas.api.verification import routes as verification
from chalicelib.lambdas.api.workspaces import routes as workspaces

app = Chalice(app_name="echoloop", configure_logs=False)
for room in (
    about,
    alerts,
    cases,
    graph_routes,
    contact,
    inbound,
    issues,
    effect_routes,
    outbound,
    page,
    reading,
    rehearsal,
    reports,
    verification,
    workspaces,
):
    app.register_blueprint(room.bp)

# Only the API function loads this module when deployed: every worker's handler is its own module. Packaging
# and tests need all of them; the API's cold start must not pay for what it never calls. `_HANDLER` cannot tell
# the two apart, the local engine does not set it.
if "AWS_LAMBDA_FUNCTION_NAME" not in os.environ:
    from chalicelib.lambdas import alert, case, deliver, enrich, fetch, intake, outbox, reread, rollup, sweep, ticket

    for worker in (enrich, outbox, rollup, reread, fetch, intake, ticket, case, alert, deliver, sweep):
        app.register_blueprint(worker.bp)
