"""Change a field of forms that are sent, whatever else they have."""


def request(flow):
    form = flow.request.urlencoded_form
    if form:
        form["language"] = "eo"
        form.pop("debug", None)
