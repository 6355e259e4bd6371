"""No forged response lets anybody in, and each is refused for its own reason."""

import pytest

from auth_plugins import Refused
from tests.auth_plugins.saml_forgeries import FORGERIES, Forgery
from tests.auth_plugins.saml_house import visitor_of


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda each: each.name)
async def test_a_forged_response_lets_nobody_in(forgery: Forgery) -> None:
    """S-17, R-42."""
    visitor, request = await visitor_of()
    with pytest.raises(Refused) as refused:
        await visitor.returns(SAMLResponse=forgery.message(request))
    assert refused.value.code == forgery.code
    assert refused.value.detail
