"""An abstract base class, concrete shapes and a mixin."""

import math
from abc import ABC, abstractmethod


class Shape(ABC):
    registry = {}

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        Shape.registry[cls.__name__.lower()] = cls

    @property
    @abstractmethod
    def area(self): ...

    @abstractmethod
    def perimeter(self): ...

    def describe(self):
        return f"{type(self).__name__}: area={self.area:.3f} perimeter={self.perimeter():.3f}"


class Circle(Shape):
    def __init__(self, radius):
        self.radius = radius

    @property
    def area(self):
        return math.pi * self.radius**2

    def perimeter(self):
        return math.tau * self.radius


class Rectangle(Shape):
    def __init__(self, width, height):
        self.width, self.height = width, height

    @property
    def area(self):
        return self.width * self.height

    def perimeter(self):
        return 2 * (self.width + self.height)


class Square(Rectangle):
    def __init__(self, side):
        super().__init__(side, side)


try:
    Shape()
except TypeError as error:
    print(type(error).__name__, "abstract" in str(error), sorted(Shape.__abstractmethods__))
shapes = [Circle(1.5), Rectangle(2, 3.5), Square(4)]
for shape in sorted(shapes, key=lambda s: s.area):
    print(shape.describe())
print(sorted(Shape.registry), Square.__mro__[1].__name__, issubclass(Square, Shape))
print(isinstance(shapes[2], Rectangle), [base.__name__ for base in Square.mro()])
