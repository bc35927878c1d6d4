"""Interceptors that are ready to use, and the chain that an application registers.

What is a credential (`BearerAuth`, `BasicAuth`, `TokenRefresh`, `RequestSigning`, and
`DefaultHeaders` with an origin) belongs to one origin. It is added to each attempt on its
own, so that neither the interceptors of the call nor a redirect ever hold it. All of them
leave a call alone that has the option `auth`. `NetrcAuth` has an entry for each host.
"""
