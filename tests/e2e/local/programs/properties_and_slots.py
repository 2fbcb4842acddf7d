"""Properties with setters and deleters, and classes with __slots__."""


class Temperature:
    __slots__ = ("_celsius",)

    def __init__(self, celsius=0.0):
        self.celsius = celsius

    @property
    def celsius(self):
        """Degrees Celsius."""
        return self._celsius

    @celsius.setter
    def celsius(self, value):
        if value < -273.15:
            raise ValueError("below absolute zero")
        self._celsius = float(value)

    @celsius.deleter
    def celsius(self):
        self._celsius = 0.0

    @property
    def fahrenheit(self):
        return self._celsius * 9 / 5 + 32

    @fahrenheit.setter
    def fahrenheit(self, value):
        self.celsius = (value - 32) * 5 / 9


class Point:
    __slots__ = "x", "y"

    def __init__(self, x, y):
        self.x, self.y = x, y


class Point3(Point):
    __slots__ = ("z",)

    def __init__(self, x, y, z):
        super().__init__(x, y)
        self.z = z


t = Temperature(25)
print(t.celsius, t.fahrenheit)
t.fahrenheit = 212
print(t.celsius, Temperature.celsius.__doc__)
try:
    t.celsius = -300
except ValueError as error:
    print("ValueError:", error)
del t.celsius
print(t.celsius, hasattr(t, "__dict__"))
p = Point3(1, 2, 3)
print([getattr(p, name) for cls in reversed(Point3.__mro__[:-1]) for name in cls.__slots__])
for attribute in ("w", "x"):
    try:
        setattr(p, attribute, 9)
        print(attribute, "set to", p.x)
    except AttributeError:
        print(attribute, "refused")
try:
    t.kelvin = 3
except AttributeError as error:
    print(type(error).__name__)
