from helion_compiler.building import parse_target


def provoke() -> None:
    parse_target("sm90")
