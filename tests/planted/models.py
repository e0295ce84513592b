from django.db import models


class Author(models.Model):
    name = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.name


class Book(models.Model):
    title = models.CharField(max_length=100)
    author = models.ForeignKey(Author, on_delete=models.CASCADE, related_name="books")
    isbn = models.CharField(max_length=20)
    shelf = models.CharField(max_length=20)
    year = models.IntegerField()
    pages = models.IntegerField()
    text = models.TextField()

    class Meta:
        indexes = [
            models.Index(fields=["title"], name="book_by_title"),
            models.Index(fields=["isbn"], name="book_by_isbn"),
            models.Index(fields=["shelf"], name="book_by_shelf"),
            models.Index(fields=["year", "title"], name="book_by_year"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def author_name(self) -> str:
        return self.author.name  # planted: an_attribute_that_queries


class Setting(models.Model):
    name = models.CharField(max_length=20, unique=True)
    value = models.CharField(max_length=20)

    def __str__(self) -> str:
        return self.name
