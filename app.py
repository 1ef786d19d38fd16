"""The Chalice object and the registration of blueprints; no logic."""

import os

from chalice import Chalice

from chalicelib.lambdas.api import (
    admin,
    cases,
    contacts,
    drift,
    dry_runs,
    duplicates,
    effects,
    frames,
    graph,
    hooks,
    issues,
    loop,
    organisation,
    page,
    sla,
    verification,
)

app = Chalice(app_name="echoloop", configure_logs=False)
app.register_blueprint(hooks.bp)
app.register_blueprint(admin.bp)
app.register_blueprint(frames.bp)
app.register_blueprint(cases.bp)
app.register_blueprint(contacts.bp)
app.register_blueprint(drift.bp)
app.register_blueprint(dry_runs.bp)
app.register_blueprint(duplicates.bp)
app.register_blueprint(organisation.bp)
app.register_blueprint(graph.bp)
app.register_blueprint(page.bp)
app.register_blueprint(issues.bp)
app.register_blueprint(effects.bp)
app.register_blueprint(loop.bp)
app.register_blueprint(sla.bp)
app.register_blueprint(verification.bp)

# Only the API function loads this module when deployed: every worker's handler is its own module. Packaging
# and tests need all of them; the API's cold start must not pay for what it never calls. `_HANDLER` cannot tell
# the two apart, the local engine does not set it.
if "AWS_LAMBDA_FUNCTION_NAME" not in os.environ:
    from chalicelib.lambdas import alert, case, deliver, enrich, fetch, intake, outbox, reread, rollup, sweep, ticket

    for worker in (enrich, outbox, rollup, reread, fetch, intake, ticket, case, alert, deliver, sweep):
        app.register_blueprint(worker.bp)
